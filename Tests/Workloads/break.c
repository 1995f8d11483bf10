// The program break moves up and down outside the allocator; 5 pages stay.
#include "truth.h"

enum { page = 4096 };

int main(void) {
  if (sbrk(10 * page) == (void *)-1) return 1;
  if (sbrk(-8 * page) == (void *)-1) return 2;
  if (sbrk(3 * page) == (void *)-1) return 3;
  if (sbrk(0) == (void *)-1) return 4;
  tell_one("break_bytes", 5 * page);
  tell();
}
