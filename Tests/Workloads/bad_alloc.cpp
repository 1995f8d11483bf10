// operator new fails and throws through the allocator's callers; every exception is caught.
#include <new>

#include "truth.h"

static volatile size_t huge = (size_t)1 << 62;

int main() {
  uint64_t caught = 0;
  for (int i = 0; i < 10; i++) {
    try {
      took(::operator new(huge), huge);
    } catch (const std::bad_alloc &) {
      caught++;
    }
    try {
      took(new long[huge], 0);
    } catch (const std::bad_alloc &) {
      caught++;
    }
    char *block = static_cast<char *>(took(new char[50], 50));
    if (i % 2) delete[] static_cast<char *>(gave(block, 50));
  }
  tell_one("caught", caught);
  tell();
}
