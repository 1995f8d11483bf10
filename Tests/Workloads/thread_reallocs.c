// Eight threads on one arena grow, move and free blocks for N seconds (1 without an argument).
#include <pthread.h>
#include <time.h>

#include "truth.h"

enum { threads = 8, slots = 64 };
static volatile int stop;

static void *churn(void *argument) {
  void *blocks[slots] = {0};
  size_t sizes[slots] = {0};
  uint32_t seed = (uint32_t)(uintptr_t)argument;
  while (!stop) {
    seed = seed * 1664525 + 1013904223;
    unsigned slot = (seed >> 16) % slots;
    size_t bytes = 1100 + (seed >> 8) % 9000;  // beyond the thread caches: the arena is shared
    if (!blocks[slot]) {
      blocks[slot] = took(malloc(bytes), bytes);
    } else if ((seed >> 24) & 1) {
      blocks[slot] = took(realloc(gave(blocks[slot], sizes[slot]), bytes), bytes);
    } else {
      free(gave(blocks[slot], sizes[slot]));
      blocks[slot] = NULL;
    }
    sizes[slot] = bytes;
  }
  settle();
  return NULL;
}

int main(int count, char **arguments) {
  mallopt(M_ARENA_MAX, 1);
  pthread_t running[threads];
  for (uintptr_t i = 0; i < threads; i++) pthread_create(&running[i], NULL, churn, (void *)(i + 1));
  struct timespec pause = {.tv_sec = count > 1 ? atoi(arguments[1]) : 1};
  nanosleep(&pause, NULL);
  stop = 1;
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  tell();
}
