// posix_memalign stores its result through a pointer; a bad alignment stores and counts nothing.
#include <errno.h>

#include "truth.h"

int main(void) {
  void *block;
  for (size_t i = 0; i < 12; i++) {
    if (posix_memalign(&block, 64 << (i % 4), 300 + i)) return 1;
    took(block, 300 + i);
    if (i % 3 == 0) free(gave(block, 300 + i));
  }
  for (int i = 0; i < 4; i++) {
    if (posix_memalign(&block, 24, 100) != EINVAL) return 2;
  }
  tell();
}
