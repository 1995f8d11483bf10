// One thread moves blocks by realloc; the other is handed the old addresses while that call runs.
// A tracer that retires the old block when realloc returns loses the other thread's new block.
#include <pthread.h>

#include "truth.h"

enum { rounds = 50000, held = 100, bytes = 1500 };
static volatile int done;

static void *mover(void *unused) {
  (void)unused;
  for (int i = 0; i < rounds; i++) {
    void *block = took(malloc(bytes), bytes);
    block = took(realloc(gave(block, bytes), bytes * 5), bytes * 5);
    free(gave(block, bytes * 5));
  }
  done = 1;
  settle();
  return NULL;
}

static void *receiver(void *unused) {
  (void)unused;
  static void *blocks[held];
  for (unsigned i = 0; !done; i++) {
    if (blocks[i % held]) free(gave(blocks[i % held], bytes));
    blocks[i % held] = took(malloc(bytes), bytes);
  }
  settle();
  return NULL;
}

int main(void) {
  mallopt(M_ARENA_MAX, 1);
  pthread_t one, other;
  pthread_create(&one, NULL, mover, NULL);
  pthread_create(&other, NULL, receiver, NULL);
  pthread_join(one, NULL);
  pthread_join(other, NULL);
  tell();
}
