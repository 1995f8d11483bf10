// aligned_alloc, memalign, valloc and pvalloc count the bytes asked for, once each.
#include "truth.h"

int main(void) {
  void *blocks[4];
  for (size_t i = 0; i < 8; i++) {
    blocks[0] = took(aligned_alloc(64, 640), 640);
    blocks[1] = took(memalign(128, 99), 99);
    blocks[2] = took(valloc(5000), 5000);
    blocks[3] = took(pvalloc(5000), 5000);
    free(gave(blocks[0], 640));
    if (i % 2) free(gave(blocks[1], 99));
    if (i % 4) free(gave(blocks[2], 5000));
    if (i > 5) free(gave(blocks[3], 5000));
  }
  tell();
}
