// 20,000 random steps of malloc, calloc, realloc and free over 256 slots, the same in every run.
#include "truth.h"

enum { slots = 256, steps = 20000 };
static void *blocks[slots];
static size_t sizes[slots];

int main(void) {
  uint32_t seed = 1;
  for (int step = 0; step < steps; step++) {
    seed = seed * 1664525 + 1013904223;
    unsigned slot = seed >> 24;
    size_t bytes = 1 + (seed >> 8) % 3000;
    if (!blocks[slot]) {
      blocks[slot] = took((seed >> 20) & 1 ? malloc(bytes) : calloc(1, bytes), bytes);
    } else if ((seed >> 21) & 1) {
      blocks[slot] = took(realloc(gave(blocks[slot], sizes[slot]), bytes), bytes);
    } else {
      free(gave(blocks[slot], sizes[slot]));
      blocks[slot] = NULL;
    }
    sizes[slot] = bytes;
  }
  tell();
}
