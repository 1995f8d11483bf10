// A realloc that fails leaves its block where and as it was; 7 blocks are freed afterwards, 3 stay.
#include "truth.h"

static volatile size_t huge = PTRDIFF_MAX - 4096;

int main(void) {
  for (int i = 0; i < 10; i++) {
    void *block = took(malloc(500), 500);
    if (took(realloc(gave(block, 500), huge), huge)) return 1;
    kept(500);
    if (i < 7) free(gave(block, 500));
  }
  tell();
}
