// Every form of operator new and delete, and the C functions beside them, from 8 threads. What is aligned is a multiple of
// its alignment, as some allocators round it up before they call another function of theirs.
#include <new>
#include <thread>
#include <vector>

#include "../truth.h"

static constexpr int threads = 8, rounds = 60;
static constexpr std::align_val_t alignment{64};

// Two of three blocks are given back, in the form that they were made in.
#define BOTH(size, make, give)                     \
  do {                                             \
    void *block = took(make, size);                \
    if (round % 3) {                               \
      gave(block, size);                           \
      give;                                        \
    }                                              \
  } while (0)

static void own_operators(int round, size_t size) {
  const std::nothrow_t &quiet = std::nothrow;
  size_t even = (size + 64) & ~(size_t)63;
  BOTH(size, ::operator new(size), ::operator delete(block));
  BOTH(size, ::operator new[](size), ::operator delete[](block));
  BOTH(size, ::operator new(size), ::operator delete(block, size));
  BOTH(size, ::operator new[](size), ::operator delete[](block, size));
  BOTH(size, ::operator new(size, quiet), ::operator delete(block, quiet));
  BOTH(size, ::operator new[](size, quiet), ::operator delete[](block, quiet));
  BOTH(even, ::operator new(even, alignment), ::operator delete(block, alignment));
  BOTH(even, ::operator new[](even, alignment), ::operator delete[](block, alignment));
  BOTH(even, ::operator new(even, alignment), ::operator delete(block, even, alignment));
  BOTH(even, ::operator new[](even, alignment), ::operator delete[](block, even, alignment));
  BOTH(even, ::operator new(even, alignment, quiet), ::operator delete(block, alignment, quiet));
  BOTH(even, ::operator new[](even, alignment, quiet), ::operator delete[](block, alignment, quiet));
}

static void own_functions(int round, size_t size) {
  size_t even = (size + 64) & ~(size_t)63;
  BOTH(size, malloc(size), free(block));
  BOTH(7 * size, calloc(7, size), free(block));
  BOTH(even, aligned_alloc(64, even), free(block));
  BOTH(even, memalign(64, even), free(block));
  BOTH(4096, valloc(4096), free(block));
  void *aligned = nullptr;
  if (posix_memalign(&aligned, 128, even)) _exit(98);
  BOTH(even, aligned, free(block));
  // Grows in place or moves, shrinks, and is freed by a call that allocates nothing.
  void *block = took(realloc(nullptr, size), size);
  gave(block, size);
  block = took(realloc(block, 40 * size), 40 * size);
  gave(block, 40 * size);
  block = took(realloc(block, size / 2 + 1), size / 2 + 1);
  gave(block, size / 2 + 1);
  free(block);
  free(nullptr);
  ::operator delete(nullptr);
  ::operator delete(nullptr, size, alignment);
}

static void work(int seed) {
  for (int round = 0; round < rounds; round++) {
    size_t size = 1 + (size_t)(seed * 7919 + round * 104729) % (round % 20 ? 900 : 90000);
    own_operators(round, size);
    own_functions(round, size);
  }
  settle();
}

int main() {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; i++) running.emplace_back(work, i);
  for (std::thread &thread : running) thread.join();
  tell();
}
