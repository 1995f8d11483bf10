// Mappings are cut, replaced, grown and moved; the live intervals are counted in pages of 4 KiB.
#include <sys/mman.h>

#include "truth.h"

enum { page = 4096 };

__attribute__((noinline)) static char *map(void *at, size_t pages, int flags) {
  flags |= MAP_PRIVATE | MAP_ANONYMOUS;
  char *start = mmap(at, pages * page, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (start == MAP_FAILED) _exit(1);
  return start;
}

int main(void) {
  char *cut = map(NULL, 100, 0);
  if (munmap(cut + 10 * page, 30 * page)) return 2;  // 70 pages stay
  char *covered = map(NULL, 50, 0);
  if (map(covered + 20 * page, 10, MAP_FIXED) != covered + 20 * page) return 3;  // still 50
  char *grown = map(NULL, 16, 0);
  grown = mremap(grown, 16 * page, 64 * page, MREMAP_MAYMOVE);  // 64
  if (grown == MAP_FAILED) return 4;
  char *place = map(NULL, 40, 0);
  char *moved = map(NULL, 20, 0);
  moved = mremap(moved, 20 * page, 20 * page, MREMAP_MAYMOVE | MREMAP_FIXED, place + 5 * page);
  if (moved != place + 5 * page) return 5;  // 20 pages over 20 of the 40: 40
  if (munmap(map(NULL, 1000, 0), 1000 * page)) return 6;
  if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return 7;
  tell_one("mapped_bytes", (uint64_t)(70 + 50 + 64 + 40) * page);
  tell();
}
