// Finds `allocate_a` of whatever library has it when it first calls it; ld.so then allocates to note the dependency.
#include <stdlib.h>

void *allocate_a(size_t bytes);

void *call_lazily(size_t bytes) {
  void *block = allocate_a(bytes);
  __asm__ volatile("");  // not a tail call
  return block;
}
