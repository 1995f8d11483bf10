// 100 of 120 blocks are never freed; all of those come from `leaky`.
#include "truth.h"

static void *volatile kept_block;

__attribute__((noinline)) static void leaky(size_t bytes) {
  kept_block = took(malloc(bytes), bytes);
}

__attribute__((noinline)) static void tidy(size_t bytes) {
  void *block = took(malloc(bytes), bytes);
  free(gave(block, bytes));
}

int main(void) {
  for (size_t i = 0; i < 100; i++) leaky(64 + i);
  for (size_t i = 0; i < 20; i++) tidy(1000);
  tell();
}
