// The stack of 11 blocks is 200 frames of `descend` deep, that of 13 others 1.
#include "truth.h"

__attribute__((noinline)) static void descend(int depth) {
  if (depth > 1) {
    descend(depth - 1);
    __asm__ volatile("");  // not a tail call
  } else {
    took(malloc(21), 21);
  }
}

int main(void) {
  for (int i = 0; i < 11; i++) descend(200);
  for (int i = 0; i < 13; i++) descend(1);
  tell();
}
