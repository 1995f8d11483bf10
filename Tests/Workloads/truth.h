// What a workload knows of its own allocations, told as `key value` lines on standard output.
//
// Nothing here allocates: no stdio, static buffers, counters in the executable's own TLS block.
#pragma once
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tally {
  uint64_t allocated_blocks, allocated_bytes, freed_blocks, freed_bytes, failed_allocations;
};
static __thread struct tally tally;  // of this thread, until `settle`
static struct tally settled;         // of all threads that ended

// Around every allocator call: `p = took(malloc(n), n); free(gave(p, n));`
static inline void *took(void *block, size_t bytes) {
  if (!block) {
    tally.failed_allocations++;
    return block;
  }
  tally.allocated_blocks++;
  tally.allocated_bytes += bytes;
  return block;
}

static inline void *gave(void *block, size_t bytes) {
  tally.freed_blocks++;
  tally.freed_bytes += bytes;
  return block;
}

// A `realloc` that failed left the block alone.
static inline void kept(size_t bytes) {
  tally.freed_blocks--;
  tally.freed_bytes -= bytes;
}

// Hands this thread's figures to the process.
static inline void settle(void) {
  uint64_t *from = (uint64_t *)&tally, *to = (uint64_t *)&settled;
  for (size_t i = 0; i < sizeof tally / sizeof *from; i++) {
    __atomic_add_fetch(&to[i], from[i], __ATOMIC_SEQ_CST);
    from[i] = 0;
  }
}

static inline void tell_one(const char *key, uint64_t value) {
  char line[128], digits[20];
  size_t length = strlen(key), count = 0;
  memcpy(line, key, length);
  line[length++] = ' ';
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) line[length++] = digits[--count];
  line[length++] = '\n';
  if (write(STDOUT_FILENO, line, length) < 0) _exit(99);
}

static inline void tell(void) {
  settle();
  tell_one("allocated_blocks", settled.allocated_blocks);
  tell_one("allocated_bytes", settled.allocated_bytes);
  tell_one("freed_blocks", settled.freed_blocks);
  tell_one("freed_bytes", settled.freed_bytes);
  tell_one("live_blocks", settled.allocated_blocks - settled.freed_blocks);
  tell_one("live_bytes", settled.allocated_bytes - settled.freed_bytes);
  tell_one("failed_allocations", settled.failed_allocations);
}

// With WAIT_FOR_SIGUSR1 set, `main` begins when the observer is ready and says so.
__attribute__((constructor)) static void wait_for_observer(void) {
  if (!getenv("WAIT_FOR_SIGUSR1")) return;
  unsetenv("WAIT_FOR_SIGUSR1");
  sigset_t start;
  int signal_number;
  sigemptyset(&start);
  sigaddset(&start, SIGUSR1);
  sigprocmask(SIG_BLOCK, &start, NULL);
  tell_one("waiting", (uint64_t)getpid());
  sigwait(&start, &signal_number);
}
