// Like library_b.c but for its name, so that both have everything at the same place.
#include <stdlib.h>

void *allocate_a(size_t bytes) {
  void *block = malloc(bytes);
  __asm__ volatile("");  // not a tail call
  return block;
}
