// Has a heap of some size and threads that wait; one looks at the clock without rest and keeps the longest gap that it
// saw. Whoever sends a byte is told that gap, in microseconds, and how often the clock was looked at; both begin anew.
//
//   standing THREADS MEBIBYTES
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1000 };
static _Atomic long gap, ticks;
static sem_t never;

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *watch(void *argument) {
  for (long last = now();;) {
    long time = now();
    if (time - last > gap) gap = time - last;
    last = time;
    ticks++;
  }
  return argument;
}

static void *wait_for_ever(void *argument) {
  for (;;) sem_wait(&never);
  return argument;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  long blocks = (argc > 2 ? atol(argv[2]) : 1) * 1024 * 1024 / (BLOCK + 8);
  static char **list;
  list = malloc(blocks * sizeof *list);
  for (long index = 0; index < blocks; index++) list[index] = memset(malloc(BLOCK), 1, BLOCK);
  sem_init(&never, 0, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 16);
  for (int index = 1; index < threads; index++) {
    pthread_t id;
    if (pthread_create(&id, &attributes, index == 1 ? watch : wait_for_ever, 0)) abort();
  }
  if (write(1, "ready\n", 6) != 6) return 1;
  char byte;
  while (read(0, &byte, 1) == 1) {
    char text[64];
    int count = snprintf(text, sizeof text, "%ld %ld\n", gap / 1000, (long)ticks);
    gap = ticks = 0;
    if (write(1, text, count) != count) return 1;
  }
  return 0;
}
