// Four threads with stacks of 1 MiB; they are alive when the process ends.
#include <pthread.h>

#include "truth.h"

static pthread_barrier_t ready;

static void *wait_forever(void *unused) {
  pthread_barrier_wait(&ready);
  for (;;) pause();
  return unused;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_barrier_init(&ready, NULL, 5);
  pthread_t thread;
  for (int i = 0; i < 4; i++) pthread_create(&thread, &attributes, wait_forever, NULL);
  pthread_barrier_wait(&ready);
  tell_one("stack_bytes", 4 * ((1 << 20) + 4096));  // with one guard page each
  tell();
  _exit(0);
}
