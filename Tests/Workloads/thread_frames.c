// A thread keeps 17 blocks.
#include <pthread.h>

#include "truth.h"

__attribute__((noipa)) static void keep(void) {
  took(malloc(44), 44);
  __asm__ volatile("");  // not a tail call
}

static void *work(void *unused) {
  for (int i = 0; i < 17; i++) keep();
  settle();
  return unused;
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, work, NULL);
  pthread_join(thread, NULL);
  tell();
}
