// Exceptions unwind through frames that own blocks; 10 of the blocks have no owner.
#include "truth.h"

struct Owner {
  void *block = took(::operator new(333), 333);
  ~Owner() { ::operator delete(gave(block, 333)); }
};

__attribute__((noinline)) static void dive(int depth) {
  Owner owner;
  if (depth == 0) throw depth;
  dive(depth - 1);
}

int main() {
  uint64_t caught = 0;
  for (int i = 0; i < 100; i++) {
    try {
      if (i % 10 == 0) took(::operator new(40), 40);
      dive(i % 20);
    } catch (int) {
      caught++;
    }
  }
  tell_one("caught", caught);
  tell();
}
