// Hangs chains of blocks of known lengths on roots of every kind, says where, and waits; ends at SIGTERM.
//
// A line for each chain: kind of root, its name, thread, hops, address of the last block, and the usable bytes of the
// block that the root points to and of all behind it.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct node {
  long room[3];
  struct node *next;
  char text[32];
};

enum { LENGTHS = 20, KEYS = 40 };

struct node *global_chains[LENGTHS + 1];
static struct node *static_chain = (struct node *)16;
static char *interior;
// Made read-only by the dynamic linker once it has filled it in.
__attribute__((section(".data.rel.ro"))) struct node *read_only_chain = (struct node *)&static_chain;
static __thread struct node *thread_local_chains[3];
static struct node **mapped;
static pthread_key_t keys[KEYS];

// Built by a thread of its own, so that nothing of it is left on the stacks that stay.
struct order {
  int length;
  struct node *first, *last;
  unsigned long bytes;
};

static void *build(void *argument) {
  struct order *order = argument;
  struct node **end = &order->first;
  for (int i = 0; i < order->length; i++) {
    *end = order->last = calloc(1, sizeof(struct node));
    order->bytes += malloc_usable_size(*end);
    end = &order->last->next;
  }
  return 0;
}

__attribute__((noinline)) static struct node *plant(const char *kind, const char *name, const char *thread, int length) {
  static struct order order;
  memset(&order, 0, sizeof order);
  order.length = length;
  pthread_t builder;
  pthread_create(&builder, 0, build, &order);
  pthread_join(builder, 0);
  char line[160];
  int count = snprintf(line, sizeof line, "%s %s %s %d %p %lu\n", kind, name, thread, length, (void *)order.last,
                       order.bytes);
  if (write(1, line, count) != count) _exit(1);
  struct node *first = order.first;
  memset(&order, 0, sizeof order);
  return first;
}

// Overwrites what calls before have left on the stack.
__attribute__((noinline)) static void wipe(void) {
  volatile char room[65536];
  memset((char *)room, 0, sizeof room);
}

static volatile int ready;

static void *on_stack(void *unused) {
  prctl(PR_SET_NAME, "stack keeper");
  struct node *volatile mine = plant("stack", "sp", "stack_keeper", 7);
  thread_local_chains[2] = plant("tls", "planted_chains!thread_local_chains+0x10", "stack_keeper", 5);
  wipe();
  ready++;
  for (;;) usleep(100000);
  return mine;
}

// The only pointer is in a register, which pause(2), the system call 34, leaves alone.
static void *in_register(void *unused) {
  prctl(PR_SET_NAME, "register keeper");
  struct node *volatile mine = plant("register", "rbx", "register_keeper", 9);
  struct node *taken = mine;
  mine = 0;
  wipe();
  ready++;
  __asm__ volatile(
      "mov %0, %%rbx\n movq $0, %0\n xor %%eax, %%eax\n xor %%ecx, %%ecx\n xor %%edx, %%edx\n xor %%esi, %%esi\n"
      "xor %%edi, %%edi\n xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n xor %%r11d, %%r11d\n"
      "1: mov $34, %%eax\n syscall\n jmp 1b"
      : "+m"(taken)
      :
      : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
  return 0;
}

static void start(void *(*body)(void *)) {
  pthread_t thread;
  int before = ready;
  pthread_create(&thread, 0, body, 0);
  while (ready == before) usleep(1000);
}

int main(void) {
  for (int length = 1; length <= LENGTHS; length++) {
    char name[64];
    snprintf(name, sizeof name, "planted_chains!global_chains+0x%x", length * 8);
    global_chains[length] = plant("global", name, "-", length);
  }
  static_chain = plant("global", "planted_chains!static_chain", "-", 3);
  interior = (char *)plant("global", "planted_chains!interior", "-", 4) + 8;
  void *page = (void *)((unsigned long)&read_only_chain & ~4095ul);
  if (mprotect(page, 4096, PROT_READ | PROT_WRITE)) return 1;
  read_only_chain = plant("global", "planted_chains!read_only_chain", "-", 10);
  if (mprotect(page, 4096, PROT_READ)) return 1;
  thread_local_chains[1] = plant("tls", "planted_chains!thread_local_chains+0x8", "planted_chains", 6);
  for (int i = 0; i < KEYS; i++) pthread_key_create(&keys[i], 0);
  char key[32];
  snprintf(key, sizeof key, "pthread_key_%u", keys[4]);
  pthread_setspecific(keys[4], plant("tls", key, "planted_chains", 8));
  mapped = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mapped[16] = plant("mapping", "-", "-", 2);
  start(on_stack);
  start(in_register);
  wipe();
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) usleep(100000);
}
