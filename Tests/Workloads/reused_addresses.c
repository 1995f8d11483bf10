// A library is closed and another one opened, which lands at the same addresses, ten times in quick succession.
#include <dlfcn.h>

#include "truth.h"

typedef void *allocate_function(size_t);

enum { ROUNDS = 10 };

static __attribute__((noipa)) void *use(const char *file, const char *function, int blocks) {
  void *library = dlopen(file, RTLD_NOW);
  allocate_function *allocate = (allocate_function *)dlsym(library, function);
  for (int i = 0; i < blocks; i++) free(gave(took(allocate(32), 32), 32));
  dlclose(library);
  return (void *)allocate;
}

int main(void) {
  uint64_t same_address = 0;
  for (int i = 0; i < ROUNDS; i++)
    same_address += use("library_a.so", "allocate_a", 7) == use("library_b.so", "allocate_b", 5);
  tell_one("same_address", same_address);
  tell();
}
