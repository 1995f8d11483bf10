// The functions that jemalloc(3) has beyond malloc's.
#include <jemalloc/jemalloc.h>

#include "../truth.h"

static void own_calls(int round) {
  size_t size = 100 + (size_t)round * 37;
  void *first = took(mallocx(size, 0), size);
  void *second = took(mallocx(size, MALLOCX_ALIGN(128) | MALLOCX_ZERO), size);
  gave(first, size);
  first = took(rallocx(first, size * 3, MALLOCX_ALIGN(64)), size * 3);
  // In place: what it has then says whether it could grow.
  size_t has = xallocx(second, size + 8, 4, 0);
  if (has >= size + 8) {
    gave(second, size);
    took(second, has < size + 12 ? has : size + 12);
    size_t now = has < size + 12 ? has : size + 12;
    if (xallocx(second, size * 1000, 0, 0) >= size * 1000) _exit(96);
    if (nallocx(size, 0) < size || sallocx(second, 0) < now) _exit(96);
    if (round % 3) dallocx(gave(second, now), MALLOCX_ALIGN(128));
  } else if (round % 3) {
    sdallocx(gave(second, size), size, MALLOCX_ALIGN(128));
  }
  if (round % 2) sdallocx(gave(first, size * 3), size * 3, MALLOCX_ALIGN(64));
  if (malloc_usable_size(took(malloc(size), size)) < size) _exit(96);
}

int main(void) {
  for (int round = 0; round < 100; round++) own_calls(round);
  tell();
}
