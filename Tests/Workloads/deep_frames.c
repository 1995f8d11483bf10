// Stacks of 200 frames of four kinds, without frame pointers: small, large, with all callee-saved registers in use,
// and of a size that only the stack itself tells. 60 orders of the kinds, a block at the end of each and 6 on the way.
#include <alloca.h>

#include "truth.h"

enum { DEPTH = 200, ROUNDS = 60 };

static uint64_t order;

static uint64_t small(int depth, uint64_t value);
static uint64_t large(int depth, uint64_t value);
static uint64_t saving(int depth, uint64_t value);
static uint64_t varying(int depth, uint64_t value);

// Goes one frame deeper. What the callers do with the result is left to do after the call.
static inline __attribute__((always_inline)) uint64_t deeper(int depth, uint64_t value) {
  static uint64_t (*const kinds[])(int, uint64_t) = {small, large, saving, varying};
  if (depth % 33 == 1) took(malloc(24), 24);
  if (depth == DEPTH) return value;
  order = order * 6364136223846793005u + 1442695040888963407u;
  return kinds[order >> 62](depth + 1, value);
}

static __attribute__((noipa)) uint64_t small(int depth, uint64_t value) { return deeper(depth, value) + value; }

static __attribute__((noipa)) uint64_t large(int depth, uint64_t value) {
  volatile char bytes[3000];
  bytes[depth] = (char)value;
  return deeper(depth, value) + (uint64_t)bytes[depth];
}

static __attribute__((noipa)) uint64_t saving(int depth, uint64_t value) {
  uint64_t a = order * 3, b = order * 5, c = order * 7, d = order * 9, e = order * 11, f = order * 13;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  uint64_t below = deeper(depth, value);
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  return below + (a ^ b) + (c ^ d) + (e ^ f);
}

static __attribute__((noipa)) uint64_t varying(int depth, uint64_t value) {
  volatile char *bytes = alloca(16 + order % 500);
  bytes[0] = (char)depth;
  return deeper(depth, value) + (uint64_t)bytes[0];
}

int main(void) {
  volatile uint64_t sum = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    order = round;
    sum += small(1, round);
  }
  tell();
}
