// One block grows in place 50 times, another moves 50 times because a neighbour is in its way.
#include "truth.h"

static void *neighbours[50];

int main(void) {
  uint64_t moved = 0;
  char *roomy = took(malloc(100), 100);
  for (size_t i = 1; i <= 50; i++) {
    char *grown = took(realloc(gave(roomy, 100 * i), 100 * (i + 1)), 100 * (i + 1));
    moved += grown != roomy;
    roomy = grown;
  }
  tell_one("moved_with_room", moved);
  moved = 0;
  char *cramped = took(malloc(2000), 2000);
  for (size_t i = 1; i <= 50; i++) {
    size_t wide = 2000 * i + 1000;  // fits no hole, so it sits right behind the block
    neighbours[i - 1] = took(malloc(wide), wide);
    char *grown = took(realloc(gave(cramped, 2000 * i), 2000 * (i + 1)), 2000 * (i + 1));
    moved += grown != cramped;
    cramped = grown;
  }
  tell_one("moved_without_room", moved);
  tell();
}
