// Two paths reach the same inner frame at the same stack address, and each leaves its return addresses behind where the
// other has uninitialised memory: `first_path` has the larger frame, so `middle` takes less when it comes from there.
#include <alloca.h>

#include "truth.h"

enum { ROUNDS = 1000, FIRST_TAKES = 16 };

static volatile uint64_t seed = 3;
static uintptr_t innermost;  // stack address of `inner`
static int allocates;

static __attribute__((noipa)) uint64_t inner(void) {
  // All callee-saved registers are in use: what the frame saves is the same on both paths but for rbp.
  uint64_t a = seed * 3, b = seed * 5, c = seed * 7, d = seed * 9, e = seed * 11;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
  __asm__ volatile("mov %%rsp, %0" : "=r"(innermost));
  if (allocates) free(gave(took(malloc(48), 48), 48));
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e));
  return (a ^ b) + (c ^ d) + e;
}

static __attribute__((noipa)) uint64_t middle(size_t takes) {
  char *unwritten = alloca(takes);
  __asm__ volatile("" : : "r"(unwritten));
  return inner() + takes;
}

static __attribute__((noipa)) uint64_t first_path(size_t takes) {
  volatile char mostly_unwritten[256];
  mostly_unwritten[0] = 1;
  return middle(takes) + (uint64_t)mostly_unwritten[0];
}

static __attribute__((noipa)) uint64_t second_path(size_t takes) {
  volatile char mostly_unwritten[32];
  mostly_unwritten[0] = 1;
  return middle(takes) + (uint64_t)mostly_unwritten[0];
}

int main(void) {
  first_path(FIRST_TAKES);
  uintptr_t wanted = innermost;
  size_t second_takes = FIRST_TAKES;
  do second_path(second_takes += 16);
  while (innermost > wanted);
  tell_one("same_address", innermost == wanted);
  allocates = 1;
  for (int i = 0; i < ROUNDS; i++) {
    first_path(FIRST_TAKES);
    second_path(second_takes);
  }
  tell();
}
