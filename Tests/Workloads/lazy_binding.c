// The first call from one library to another is bound on the way; 9 more are not.
#include <dlfcn.h>

#include "truth.h"

int main(void) {
  if (!dlopen("library_a.so", RTLD_LAZY | RTLD_GLOBAL)) return 1;
  void *caller = dlopen("lazy_caller.so", RTLD_LAZY);
  if (!caller) return 2;
  void *(*call)(size_t) = (void *(*)(size_t))dlsym(caller, "call_lazily");
  for (int i = 0; i < 10; i++) took(call(40), 40);
  tell();
}
