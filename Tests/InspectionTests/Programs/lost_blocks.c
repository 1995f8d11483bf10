// Loses blocks in every way that memcheck tells apart, holds others by every kind of root, and waits; ends at SIGTERM.
//
// Prints how many blocks and usable bytes are of each kind by construction.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFINITELY, INDIRECTLY, POSSIBLY, REACHABLE, KINDS };
static const char *const names[] = {"definitely", "indirectly", "possibly", "reachable"};
static struct { unsigned long blocks, bytes; } truth[KINDS];

struct node {
  struct node *next, *other;
  char text[48];
};

// In the middle of the stack's life: nothing of it is left in what is used later.
static struct node *make(int kind) {
  struct node *node = calloc(1, sizeof *node);
  truth[kind].blocks++;
  truth[kind].bytes += malloc_usable_size(node);
  return node;
}

static struct node *chain(int count, int head, int rest) {
  struct node *first = make(head), *last = first;
  for (int i = 1; i < count; i++) last = last->next = make(rest);
  return first;
}

struct node *global_chain;
char *global_interior;
__thread struct node *thread_local_node;
struct node *registered[3];
pthread_key_t key;

__attribute__((noinline)) static void lose(void) {
  chain(1, DEFINITELY, INDIRECTLY);
  chain(20, DEFINITELY, INDIRECTLY);
  struct node *tree = chain(3, DEFINITELY, INDIRECTLY);
  tree->other = chain(4, INDIRECTLY, INDIRECTLY);
  tree->next->other = chain(2, INDIRECTLY, INDIRECTLY);
  struct node *ring = chain(5, DEFINITELY, INDIRECTLY), *last = ring;
  while (last->next) last = last->next;
  last->next = ring;
  struct node *self = make(DEFINITELY);
  self->other = self;
}

__attribute__((noinline)) static void hold(void) {
  global_chain = chain(30, REACHABLE, REACHABLE);
  global_interior = (char *)chain(6, POSSIBLY, POSSIBLY) + 24;
  thread_local_node = chain(2, REACHABLE, REACHABLE);
  pthread_setspecific(key, chain(3, REACHABLE, REACHABLE));
  for (int i = 0; i < 3; i++) registered[i] = make(REACHABLE);
  // Its middle is pointed to from a block that is reachable.
  registered[0]->other = (struct node *)((char *)make(POSSIBLY) + 16);
}

// Overwrites what calls before have left on the stack.
__attribute__((noinline)) static void wipe(void) {
  volatile char room[16384];
  memset((char *)room, 0, sizeof room);
}

static void *on_stack(void *ready) {
  struct node *volatile mine = chain(4, REACHABLE, REACHABLE);
  wipe();
  *(volatile int *)ready = 1;
  for (;;) pause();
  return mine;
}

int main(void) {
  pthread_key_create(&key, 0);
  lose();
  hold();
  wipe();
  volatile int ready = 0;
  pthread_t thread;
  pthread_create(&thread, 0, on_stack, (void *)&ready);
  while (!ready) usleep(1000);
  for (int kind = 0; kind < KINDS; kind++) {
    char line[80];
    int length = snprintf(line, sizeof line, "%s %lu %lu\n", names[kind], truth[kind].blocks, truth[kind].bytes);
    if (write(1, line, length) != length) return 1;
  }
  wipe();
  if (write(1, "ready\n", 6) != 6) return 1;
  if (getenv("LEAVE")) return 0;
  for (;;) pause();
}
