// A signal handler leaves realloc by siglongjmp; the block is still there and is freed later.
#include "trap.h"

enum { length = 0x1234000, small = 300000 };

int main(void) {
  volatile int left = 0;
  mallopt(M_MMAP_THRESHOLD, 131072);  // fixed: every block here is a mapping of its own
  if (trap_system_call(SYS_mremap, 2, length)) return 1;
  for (volatile int i = 0; i < 20; i++) {
    void *volatile block = took(malloc(small), small);
    if (sigsetjmp(escape, 1) == 0) {
      took(realloc(block, length - 32), length - 32);
    } else {
      left++;
    }
    if (i % 2) free(gave(block, small));
  }
  tell_one("skipped_returns", (uint64_t)left);
  tell();
}
