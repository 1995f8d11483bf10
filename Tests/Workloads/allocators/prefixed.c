// An executable with an allocator inside that is named apart from malloc, as Rust programs had jemalloc: its symbols are
// local, and libc's malloc is used beside it. The allocator is a small one of the workload's own.
#include "../truth.h"

static char arena[1 << 20] __attribute__((aligned(64)));
static size_t used;

__attribute__((noinline, used)) static void *_rjem_mallocx(size_t size, int flags) {
  if (size > sizeof arena - used || flags) return NULL;
  void *block = arena + used;
  used += (size + 15) & ~(size_t)15;
  return block;
}

__attribute__((noinline, used)) static void _rjem_sdallocx(void *block, size_t size, int flags) {
  if ((char *)block < arena || (char *)block + size > arena + used || flags) _exit(94);
}

static void own_calls(int round) {
  size_t size = 10 + (size_t)round;
  void *block = took(_rjem_mallocx(size, 0), size);
  if (round % 4) _rjem_sdallocx(gave(block, size), size, 0);
  block = took(malloc(size), size);
  if (round % 2) free(gave(block, size));
}

int main(void) {
  for (int round = 0; round < 100; round++) own_calls(round);
  if (took(_rjem_mallocx(sizeof arena, 0), 0)) _exit(94);
  tell();
}
