// realloc(p, 0) frees, realloc(NULL, n) allocates, realloc(NULL, 0) allocates a block of no bytes.
#include "truth.h"

int main(void) {
  for (int i = 0; i < 10; i++) {
    void *block = took(realloc(NULL, 70), 70);
    if (realloc(gave(block, 70), 0)) return 1;
  }
  for (int i = 0; i < 3; i++) took(realloc(NULL, 30), 30);
  for (int i = 0; i < 2; i++) took(realloc(NULL, 0), 0);
  tell();
}
