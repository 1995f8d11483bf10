// Opens and closes a library so many times and calls it each time: loads LIBRARY TIMES
#include <dlfcn.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  for (int i = atoi(argv[2]); i > 0; i--) {
    void *library = dlopen(argv[1], RTLD_NOW);
    if (!library) return 1;
    void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(library, "allocate_a");
    if (!allocate) return 1;
    free(allocate(77));
    dlclose(library);
  }
  return 0;
}
