// Loads a library whose constructor keeps 7 blocks of 13 bytes.
#include <dlfcn.h>
#include <stddef.h>

__attribute__((noipa)) static void *load(void) {
  void *library = dlopen("constructor.so", RTLD_NOW);
  __asm__ volatile("");  // not a tail call
  return library;
}

int main(void) { return load() == NULL; }
