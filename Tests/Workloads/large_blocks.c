// Blocks that malloc maps one by one are blocks, not mappings; 12 of 40 stay.
#include "truth.h"

int main(void) {
  for (size_t i = 0; i < 40; i++) {
    size_t bytes = 1000000 + 4096 * i;
    void *block = took(malloc(bytes), bytes);
    block = took(realloc(gave(block, bytes), bytes * 2), bytes * 2);
    if (i >= 12) free(gave(block, bytes * 2));
  }
  tell();
}
