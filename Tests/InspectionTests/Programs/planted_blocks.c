// Holds blocks of all kinds, writes down each that malloc gave and that is live, and waits.
// Every call of every library comes through here, as these definitions precede libc's.
//
//   planted_blocks THREADS STEPS SEED
//
// Prints "ADDRESS USABLE-BYTES" of every block, then "ready".
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void __libc_free(void *);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

// An open-addressing table of live blocks: 0 empty, 1 deleted.
enum { CAPACITY = 1 << 20 };
static uint64_t table[CAPACITY];
static volatile int lock;

static void acquire(void) {
  while (__sync_lock_test_and_set(&lock, 1))
    while (lock) __builtin_ia32_pause();
}
static void release(void) { __sync_lock_release(&lock); }

static size_t slot(uint64_t address) { return (address >> 4) * 0x9E3779B97F4A7C15u >> 44; }

static void *add(void *block) {
  if (!block) return block;
  acquire();
  size_t at = slot((uint64_t)block);
  while (table[at] > 1) at = (at + 1) % CAPACITY;
  table[at] = (uint64_t)block;
  release();
  return block;
}

static void del(void *block) {
  if (!block) return;
  acquire();
  size_t at = slot((uint64_t)block);
  while (table[at] && table[at] != (uint64_t)block) at = (at + 1) % CAPACITY;
  if (!table[at]) abort();
  table[at] = 1;
  release();
}

void *malloc(size_t size) { return add(__libc_malloc(size)); }
void free(void *block) { del(block); __libc_free(block); }
void *calloc(size_t count, size_t size) { return add(__libc_calloc(count, size)); }
void *realloc(void *block, size_t size) { del(block); return add(__libc_realloc(block, size)); }
void *memalign(size_t alignment, size_t size) { return add(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}

static int steps;
static pthread_barrier_t done;

static uint32_t next(uint64_t *state) { return (*state = *state * 6364136223846793005u + 1442695040888963407u) >> 33; }

// Small blocks mostly; one in 400 is large enough for a mapping of its own.
static size_t pick(uint64_t *state) {
  uint32_t kind = next(state) % 400;
  if (kind == 0) return 140000 + next(state) % 400000;
  return kind < 60 ? next(state) % 20000 : next(state) % 500;
}

static void work(uint64_t seed) {
  enum { SLOTS = 4000 };
  static _Thread_local void *held[SLOTS];
  for (int step = 0; step < steps; step++) {
    void **block = &held[next(&seed) % SLOTS];
    switch (next(&seed) % 8) {
      case 0: case 1: case 2: free(*block); *block = 0; break;
      case 3: *block = realloc(*block, pick(&seed) + 1); break;
      case 4: free(*block); *block = memalign(32u << next(&seed) % 8, pick(&seed)); break;
      case 5: free(*block); *block = calloc(1, pick(&seed)); break;
      default: free(*block); *block = malloc(pick(&seed));
    }
  }
}

static void *thread(void *argument) {
  work((uint64_t)argument);
  pthread_barrier_wait(&done);
  for (;;) pause();
  return 0;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  steps = argc > 2 ? atoi(argv[2]) : 20000;
  uint64_t seed = argc > 3 ? atoi(argv[3]) : 1;
  pthread_barrier_init(&done, 0, threads + 1);
  for (int index = 0; index < threads; index++) {
    pthread_t id;
    if (pthread_create(&id, 0, thread, (void *)(seed * 1000 + index))) abort();
  }
  work(seed);
  pthread_barrier_wait(&done);
  for (size_t at = 0; at < CAPACITY; at++)
    if (table[at] > 1) dprintf(1, "%lu %zu\n", table[at], malloc_usable_size((void *)table[at]));
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) pause();
}
