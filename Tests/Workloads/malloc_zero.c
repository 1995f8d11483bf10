// malloc(0) returns a block of no bytes that can be freed.
#include "truth.h"

int main(void) {
  for (int i = 0; i < 9; i++) {
    void *block = took(malloc(0), 0);
    if (i < 4) free(gave(block, 0));
  }
  tell();
}
