// A signal handler leaves malloc by siglongjmp 50 times; the calls around it are ordinary.
#include "trap.h"

enum { length = 0x1234000 };  // what glibc maps for a block of 32 bytes less

int main(void) {
  volatile int left = 0;
  if (trap_system_call(SYS_mmap, 1, length)) return 1;
  for (volatile int i = 0; i < 50; i++) {
    void *block = took(malloc(200), 200);
    if (sigsetjmp(escape, 1) == 0) {
      took(malloc(length - 32), length - 32);
    } else {
      left++;
    }
    if (i % 2) free(gave(block, 200));
  }
  tell_one("skipped_returns", (uint64_t)left);
  tell();
}
