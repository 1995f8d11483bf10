// The functions of mimalloc.h: sizes before alignments, heaps before sizes, calls that end in others of them.
#include <mimalloc.h>
#include <stdbool.h>

#include "../truth.h"

#define BOTH(size, make)                                \
  do {                                                  \
    void *block = took(make, size);                     \
    if (round % 3) mi_free(gave(block, size));          \
  } while (0)

static void own_allocations(int round, size_t n) {
  BOTH(n, mi_malloc(n));
  BOTH(n, mi_zalloc(n));
  BOTH(64, mi_malloc_small(64));
  BOTH(64, mi_zalloc_small(64));
  BOTH(3 * n, mi_calloc(3, n));
  BOTH(3 * n, mi_mallocn(3, n));
  BOTH(n, mi_malloc_aligned(n, 128));
  BOTH(n, mi_malloc_aligned_at(n, 128, 16));
  BOTH(n, mi_zalloc_aligned(n, 64));
  BOTH(5 * n, mi_calloc_aligned(5, n, 64));
  BOTH(n, mi_memalign(64, n));
  BOTH(n, mi_aligned_alloc(64, n));
  BOTH(n, mi_valloc(n));
  BOTH(n, mi_pvalloc(n));
  BOTH(n, mi_new(n));
  BOTH(n, mi_new_aligned(n, 64));
  BOTH(n, mi_new_nothrow(n));
  BOTH(n, mi_new_aligned_nothrow(n, 64));
  BOTH(4 * n, mi_new_n(4, n));
  void *aligned = NULL;
  if (mi_posix_memalign(&aligned, 64, n)) _exit(95);
  BOTH(n, aligned);
}

static void own_strings(int round) {
  char text[3000];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
  text[round * 29] = 0;
  BOTH((size_t)round * 29 + 1, mi_strdup(text));
  size_t some = round * 29 < 500 ? (size_t)round * 29 : 500;
  BOTH(some + 1, mi_strndup(text, 500));
}

static void own_reallocations(size_t n) {
  void *block = took(mi_realloc(NULL, n), n);
#define AGAIN(from, to, call)              \
  do {                                     \
    gave(block, from);                     \
    block = took(call, to);                \
  } while (0)
  AGAIN(n, 2 * n, mi_rezalloc(block, 2 * n));
  AGAIN(2 * n, 9 * n, mi_reallocn(block, 9, n));
  AGAIN(9 * n, 2 * n, mi_recalloc(block, 2, n));
  AGAIN(2 * n, 30 * n, mi_realloc_aligned(block, 30 * n, 64));
  AGAIN(30 * n, 31 * n, mi_reallocarray(block, 31, n));
  AGAIN(31 * n, n, mi_new_realloc(block, n));
  AGAIN(n, 3 * n, mi_new_reallocn(block, 3, n));
  AGAIN(3 * n, 4 * n, mi_reallocf(block, 4 * n));
  if (mi_expand(block, 4 * n - 1)) AGAIN(4 * n, 4 * n - 1, block);
  else _exit(95);
  if (mi_expand(block, 1000 * n)) _exit(95);
  tally.failed_allocations++;
  mi_free_size(gave(block, 4 * n - 1), 4 * n - 1);
  block = took(mi_malloc(n), n);
  if (mi_reallocf(gave(block, n), (size_t)1 << 60)) _exit(95);
  tally.failed_allocations++;
}

static void own_heap(mi_heap_t *heap, int round, size_t n) {
  BOTH(n, mi_heap_malloc(heap, n));
  BOTH(n, mi_heap_zalloc(heap, n));
  BOTH(2 * n, mi_heap_calloc(heap, 2, n));
  BOTH(2 * n, mi_heap_mallocn(heap, 2, n));
  BOTH(n, mi_heap_malloc_aligned(heap, n, 64));
  void *block = took(mi_heap_realloc(heap, NULL, n), n);
  gave(block, n);
  block = took(mi_heap_reallocn(heap, block, 20, n), 20 * n);
  gave(block, 20 * n);
  block = took(mi_heap_recalloc(heap, block, 21, n), 21 * n);
  mi_free_aligned(gave(block, 21 * n), 16);
  BOTH(6, mi_heap_strdup(heap, "hello"));
}

int main(void) {
  mi_heap_t *heap = mi_heap_new();
  for (int round = 0; round < 100; round++) {
    size_t n = 24 + (size_t)round * 24;
    own_allocations(round, n);
    own_strings(round);
    own_reallocations(n);
    own_heap(heap, round, n);
  }
  tell();
}
