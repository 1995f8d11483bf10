// Blocks from three calls that the compiler merges into `request`.
#include "truth.h"

static void *volatile kept_block;

static inline __attribute__((always_inline)) void remember(size_t bytes) {
  kept_block = took(malloc(bytes), bytes);
}

static inline __attribute__((always_inline)) void parse(size_t bytes) {
  remember(bytes + 1);
}

static inline __attribute__((always_inline)) void dispatch(size_t bytes) {
  parse(bytes + 1);
}

__attribute__((noinline)) static void request(size_t bytes) {
  dispatch(bytes + 1);
}

int main(void) {
  for (size_t i = 0; i < 50; i++) request(64);
  tell();
}
