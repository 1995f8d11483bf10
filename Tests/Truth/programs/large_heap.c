// A heap of so many blocks of 16 to 512 bytes, which reference each other as a tree from one variable, with other
// references across it at random; every tenth is lost. Waits to be killed.
//
//   large_heap BLOCKS
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
  struct node *children[2];
};
static struct node *volatile root;

static uint64_t state = 88172645463325252u;
static uint64_t next(void) {  // xorshift64 (G. Marsaglia, Xorshift RNGs, 2003)
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

int main(int argc, char **argv) {
  size_t count = argc > 1 ? strtoull(argv[1], 0, 10) : 1000000;
  struct node **all = malloc(count * sizeof *all);
  if (!all) return 1;
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    size_t size = 16 + (size_t)(next() % 497);
    struct node *node = calloc(1, size);
    if (!node) return 1;
    if (i % 10 == 9) continue;
    if (kept) {
      struct node *parent = all[(kept - 1) / 2];
      parent->children[(kept - 1) % 2] = node;
      // One more word in three of those that have room for it.
      if (size >= 64 && next() % 3 == 0) ((void **)node)[3] = all[next() % kept];
    }
    all[kept++] = node;
  }
  root = all[0];
  memset(all, 0, count * sizeof *all);
  free(all);
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
