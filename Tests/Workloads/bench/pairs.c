// Allocates and frees one block at a time, from 64 call paths in turn, and prints nanoseconds per pair, batch by
// batch, in this thread's own CPU time. Argument: frames between the allocator and main, 8 or more.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PATHS = 64, ROUNDS = 8 };

static void right(int depth, unsigned path);

static void pair(void) {
  void *volatile block = malloc(48);
  free(block);
}

static void left(int depth, unsigned path) {
  if (!depth) pair();
  else if (path & 1) left(depth - 1, path >> 1);
  else right(depth - 1, path >> 1);
}

static void right(int depth, unsigned path) {
  if (!depth) pair();
  else if (path & 1) left(depth - 1, path >> 1);
  else right(depth - 1, path >> 1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
  int depth = (count > 1 ? atoi(arguments[1]) : 10) - 3;  // pair, the last of left or right, and main are frames too
  setvbuf(stdout, malloc(256), _IOLBF, 256);
  for (;;) {
    double start = seconds();
    for (unsigned i = 0; i < PATHS * ROUNDS; i++) left(depth, i % PATHS);
    printf("%.2f\n", (seconds() - start) / (PATHS * ROUNDS) * 1e9);
  }
}
