// Every allocator function is asked for more than there can be.
#include "truth.h"

static volatile size_t huge = PTRDIFF_MAX - 4096;

int main(void) {
  void *block = NULL;
  took(malloc(huge), huge);
  took(calloc(1, huge), huge);
  took(realloc(NULL, huge), huge);
  took(aligned_alloc(64, huge), huge);
  took(memalign(64, huge), huge);
  took(valloc(huge), huge);
  took(pvalloc(huge), huge);
  if (posix_memalign(&block, 64, huge) == 0) return 1;
  took(block, huge);
  took(malloc(77), 77);
  tell();
}
