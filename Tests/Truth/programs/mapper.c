// Cuts, covers, moves, grows and shrinks mappings of one part of the address space at random, and moves the program
// break: so many changes for every line of input, each line answered with "ok". Never calls malloc: mapper SEED CHANGES
//
// First it prints where that part begins and how long it is. Some changes fail, as they would cross a hole.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 4096, LONGEST = 64 };

static char *arena;
static uint64_t state;

static unsigned long below(unsigned long limit) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (state >> 33) % limit;
}

static void say(const char *text) {
  if (write(1, text, strlen(text)) < 0) _exit(1);
}

static void say_hex(uint64_t value) {
  char text[18] = " ";
  for (int i = 0; i < 16; i++) text[1 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  say(text);
}

static void change(void) {
  size_t length = (1 + below(LONGEST)) * PAGE, more = below(LONGEST) * PAGE;
  char *start = arena + below(PAGES - 2 * LONGEST) * PAGE, *other = arena + below(PAGES - 2 * LONGEST) * PAGE;
  switch (below(6)) {
    case 0:
    case 1:
      mmap(start, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      break;
    case 2:
      munmap(start, length);
      break;
    case 3:
      mremap(start, length, length + more, MREMAP_MAYMOVE | MREMAP_FIXED, other);
      break;
    case 4:
      mremap(start, length, below(2) ? length + more : PAGE, 0);
      break;
    case 5:
      if (sbrk(0) > (void *)0 && below(2)) sbrk((intptr_t)length);
      else if (sbrk(0) != (void *)-1) sbrk(-(intptr_t)(length / 2 & ~(size_t)(PAGE - 1)));
      break;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  state = strtoull(argv[1], 0, 10);
  char line[64];
  say("?\n");
  if (read(0, line, sizeof line) <= 0) return 0;
  arena = mmap(0, (size_t)PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED || sbrk(LONGEST * PAGE * 8) == (void *)-1) return 1;
  say_hex((uint64_t)arena);
  say_hex((uint64_t)PAGES * PAGE);
  say("\n");
  while (read(0, line, sizeof line) > 0) {
    for (int i = atoi(argv[2]); i > 0; i--) change();
    say("ok\n");
  }
  return 0;
}
