// Makes a heap of one shape, says what malloc counts of it, waits for SIGUSR1, and says what malloc_trim(0) returned.
//
//   trimmed_heap alternating|tail|arenas|top|nothing|fast
//
// It writes without a buffer that malloc gives: the figures must still be true when they are out.
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 40000 };
static char *blocks[4][COUNT];
static pthread_barrier_t filled;

static void say(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int count = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (write(1, text, count) != count) abort();
}

static uint32_t next(uint64_t *state) { return (*state = *state * 6364136223846793005u + 1442695040888963407u) >> 33; }

static void fill(unsigned list, size_t least, size_t most) {
  uint64_t state = list + 7;
  for (int index = 0; index < COUNT; index++) {
    size_t size = least + next(&state) % (most - least + 1);
    blocks[list][index] = memset(malloc(size), 1, size);
  }
}

static void free_all_but(unsigned list, int step) {
  for (int index = 0; index < COUNT; index++)
    if (index % step) free(blocks[list][index]);
}

static void *thread(void *list) {
  fill((uintptr_t)list, 16, 3000);
  free_all_but((uintptr_t)list, 97);
  pthread_barrier_wait(&filled);
  for (;;) pause();
  return 0;
}

static void make(const char *shape) {
  if (!strcmp(shape, "alternating")) {
    fill(0, 2000, 9000);
    free_all_but(0, 2);
  } else if (!strcmp(shape, "tail")) {
    fill(0, 16, 2000);
    for (int index = COUNT / 2; index < COUNT; index++) free(blocks[0][index]);
  } else if (!strcmp(shape, "arenas")) {
    pthread_barrier_init(&filled, 0, 4);
    pthread_t id;
    for (uintptr_t list = 1; list < 4; list++)
      if (pthread_create(&id, 0, thread, (void *)list)) abort();
    fill(0, 16, 3000);
    free_all_but(0, 97);
    pthread_barrier_wait(&filled);
  } else if (!strcmp(shape, "top")) {
    // Freed from the end, all would be given back at once; the threshold keeps it.
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    fill(0, 1000, 2000);
    for (int index = COUNT - 1; index > 100; index--) free(blocks[0][index]);
  } else if (!strcmp(shape, "fast")) {
    // Fastbins are merged before pages are given back.
    fill(0, 24, 100);
    free_all_but(0, 64);
  } else {
    fill(0, 16, 2000);
  }
}

// Bytes of the whole process. It reads without a buffer of its own.
static long resident(void) {
  static char text[4096];
  int file = open("/proc/self/smaps_rollup", O_RDONLY);
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count < 0) abort();
  text[count] = 0;
  char *field = strstr(text, "\nRss:");
  return field ? strtol(field + 5, 0, 10) * 1024 : 0;
}

int main(int argc, char **argv) {
  make(argc > 1 ? argv[1] : "nothing");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  resident();
#if __GLIBC_PREREQ(2, 33)
  struct mallinfo2 sums = mallinfo2();
  say("arena %zu\nfree %zu\nfast %zu\nmapped_blocks %zu\nmapped_bytes %zu\ntop %zu\n", sums.arena, sums.fordblks,
      sums.fsmblks, sums.hblks, sums.hblkhd, sums.keepcost);
#endif
  say("ready\n");
  int number;
  sigwait(&set, &number);
  long before = resident();
  malloc_trim(0);
  say("resident %ld\nreturned %ld\n", before, before - resident());
  return 0;
}
