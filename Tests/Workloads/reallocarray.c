// reallocarray counts once, in product bytes; a product that overflows leaves the block alone.
#include "truth.h"

static volatile size_t many = SIZE_MAX / 4;

int main(void) {
  for (int i = 0; i < 10; i++) {
    void *block = took(reallocarray(NULL, 10, 12), 120);
    block = took(reallocarray(gave(block, 120), 30, 40), 1200);
    if (took(reallocarray(gave(block, 1200), many, 8), 0)) return 1;
    kept(1200);
    if (i % 2) free(gave(block, 1200));
  }
  tell();
}
