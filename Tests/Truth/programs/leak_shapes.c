// Leaves blocks behind in one shape, named by the argument, and ends. Shapes are those that the tests of valgrind's memcheck
// and of LeakSanitizer describe; what lingers on the stack and in registers is wiped, so that it holds nothing.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct node { struct node *next, *other; };
static void *global, *globals[64];
static char *interior;
static uintptr_t hidden;
static __thread void *local;
static pthread_key_t key;

static struct node *node(void) { return calloc(1, sizeof(struct node)); }
static struct node *chain(int count) {
  struct node *first = node(), *last = first;
  for (int i = 1; i < count; i++) last = last->next = node();
  return first;
}
static struct node *tree(int depth) {
  if (!depth) return 0;
  struct node *top = node();
  top->next = tree(depth - 1);
  top->other = tree(depth - 1);
  return top;
}
static struct node *ring(int count) {
  struct node *first = chain(count), *last = first;
  while (last->next) last = last->next;
  return last->next = first;
}
__attribute__((noinline)) static void wipe(void) {
  volatile char room[32768];
  memset((char *)room, 0, sizeof room);
}

// memcheck/tests/leak-cases, leak-tree, leak-cycle, leak-0, leak-pool
static void one(void) { malloc(1024); }
static void zero(void) { global = malloc(0); malloc(0); }
static void many(void) { for (int i = 0; i < 1000; i++) malloc(1); }
static void lost_chain(void) { chain(20); }
static void lost_tree(void) { tree(5); }
static void lost_ring(void) { ring(5); }
static void ring_with_tail(void) { ring(3)->other = chain(4); }
static void self(void) { struct node *a = node(); a->next = a; }
static void two_rings(void) { struct node *a = ring(3), *b = ring(3); a->other = b; }
static void shared(void) { struct node *a = node(), *b = node(), *c = chain(3); a->next = c; b->next = c; }
static void held_chain(void) { global = chain(20); }
static void held_tree(void) { global = tree(5); }
static void held_ring(void) { global = ring(5); }
static void inside(void) { interior = (char *)malloc(64) + 16; }
static void inside_chain(void) { interior = (char *)chain(6) + 8; }
static void inside_from_block(void) { struct node *a = node(); global = a; a->next = (struct node *)((char *)malloc(48) + 8); }
static void inside_from_lost(void) { struct node *a = node(); a->next = (struct node *)((char *)malloc(48) + 8); }
static void both_ways(void) { char *a = malloc(40); global = a; interior = a + 8; }
static void past_end(void) { char *a = malloc(24); interior = a + 24; }
static void large(void) { malloc(32 << 20); global = malloc(5 << 20); }
static void encoded(void) { hidden = (uintptr_t)malloc(100) ^ 0x5555555555555555; }
static void unaligned(void) {
  static char room[32];
  void *a = malloc(77);
  memcpy(room + 3, &a, sizeof a);
}
static void held_by_freed(void) { struct node *a = node(); a->other = node(); free(a); }
static void grown(void) { char *a = malloc(10); a = realloc(a, 5000); a[0] = 1; }
static void aligned(void) { void *a = 0; if (posix_memalign(&a, 256, 300)) abort(); global = aligned_alloc(64, 640); }
static void table(void) { for (int i = 0; i < 64; i++) globals[i] = chain(2); for (int i = 0; i < 64; i += 2) globals[i] = 0; }
static void text(void) { strdup("a string that is lost"); global = strdup("a string that is held"); }

// lsan/TestCases: use_tls_static, use_tls_pthread_specific, use_globals, pointer_to_self, register_root_region
static void tls(void) { local = chain(3); }
static void keyed(void) { pthread_key_create(&key, 0); pthread_setspecific(key, chain(3)); }
static void mapped(void) {
  void **page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[7] = chain(2);
}

static volatile int ready;
static void *hold_on_stack(void *unused) {
  struct node *volatile mine = chain(4);
  wipe();
  ready = 1;
  for (;;) pause();
  return mine ? unused : 0;
}
static void *hold_in_tls(void *unused) {
  local = chain(4);
  wipe();
  ready = 1;
  for (;;) pause();
  return unused;
}
static void *lose(void *unused) { chain(4); return unused; }
static void *hand_back(void *unused) { return unused ? unused : chain(4); }
static void running(void *(*body)(void *)) {
  pthread_t thread;
  pthread_create(&thread, 0, body, 0);
  while (!ready) usleep(1000);
}
static void thread_stack(void) { running(hold_on_stack); }
static void thread_tls(void) { running(hold_in_tls); }
static void ended_thread(void) { pthread_t thread; pthread_create(&thread, 0, lose, 0); pthread_join(thread, 0); }
static void result_lost(void) { pthread_t thread; pthread_create(&thread, 0, hand_back, 0); pthread_join(thread, 0); }
static void result_held(void) { pthread_t thread; pthread_create(&thread, 0, hand_back, 0); pthread_join(thread, &global); }
static void not_joined(void) { pthread_t thread; pthread_create(&thread, 0, lose, 0); usleep(50000); }

// lsan/TestCases/swapcontext: the block is held by the stack of a context that is not running
static ucontext_t caller, context;
static void in_context(void) {
  struct node *volatile mine = chain(2);
  swapcontext(&context, &caller);
  if (mine) abort();
}
static void switched(void) {
  size_t size = 64 << 10;
  getcontext(&context);
  context.uc_stack.ss_sp = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  context.uc_stack.ss_size = size;
  makecontext(&context, in_context, 0);
  swapcontext(&caller, &context);
}
// the stack itself is a block that nothing references but the context's own copy
static void switched_block(void) {
  size_t size = 64 << 10;
  getcontext(&context);
  context.uc_stack.ss_sp = malloc(size);
  context.uc_stack.ss_size = size;
  makecontext(&context, in_context, 0);
  swapcontext(&caller, &context);
}

static const struct { const char *name; void (*make)(void); } shapes[] = {
#define SHAPE(name) {#name, name}
    SHAPE(one), SHAPE(zero), SHAPE(many), SHAPE(lost_chain), SHAPE(lost_tree), SHAPE(lost_ring), SHAPE(ring_with_tail),
    SHAPE(self), SHAPE(two_rings), SHAPE(shared), SHAPE(held_chain), SHAPE(held_tree), SHAPE(held_ring), SHAPE(inside),
    SHAPE(inside_chain), SHAPE(inside_from_block), SHAPE(inside_from_lost), SHAPE(both_ways), SHAPE(past_end),
    SHAPE(large), SHAPE(encoded), SHAPE(unaligned), SHAPE(held_by_freed), SHAPE(grown), SHAPE(aligned), SHAPE(table),
    SHAPE(text), SHAPE(tls), SHAPE(keyed), SHAPE(mapped), SHAPE(thread_stack), SHAPE(thread_tls), SHAPE(ended_thread),
    SHAPE(result_lost), SHAPE(result_held), SHAPE(not_joined), SHAPE(switched), SHAPE(switched_block),
};

// exit_group(2) from within, so that the frame that calls it is alive
__attribute__((noinline)) static int on_own_stack(void) {
  struct node *volatile mine = chain(3);
  wipe();
  exit(mine ? 0 : 1);
}
// A value that only a register holds when the process ends.
__attribute__((noinline)) static int in_register(void) {
  struct node *mine = chain(3);
  wipe();
  __asm__ volatile("mov %0, %%r12\n\txor %%edi, %%edi\n\tmov $231, %%eax\n\txor %0, %0\n\tsyscall" ::"b"(mine) : "r12", "rdi", "rax", "memory");
  return 1;
}

int main(int count, char **arguments) {
  const char *name = count > 1 ? arguments[1] : "list";
  if (!strcmp(name, "own_stack")) return on_own_stack();
  if (!strcmp(name, "register")) return in_register();
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    if (!strcmp(name, "list")) { puts(shapes[i].name); continue; }
    if (strcmp(name, shapes[i].name)) continue;
    shapes[i].make();
    wipe();
    return 0;
  }
  if (strcmp(name, "list")) return 2;
  puts("own_stack\nregister");
  return 0;
}
