// After a malloc that was left by siglongjmp, calls run below where it was: the stack there is
// never written again, so it still looks as if that malloc were pending.
#include "trap.h"

enum { length = 0x1234000 };

__attribute__((noinline)) static void shallow(void) { took(malloc(length - 32), length - 32); }

__attribute__((noinline)) static void deep(void) {
  char untouched[4096];
  __asm__ volatile("" : : "r"(untouched));
  for (int i = 0; i < 100; i++) took(malloc(64), 64);
}

int main(void) {
  volatile int left = 0;
  if (trap_system_call(SYS_mmap, 1, length)) return 1;
  for (volatile int i = 0; i < 10; i++) {
    if (sigsetjmp(escape, 1) == 0) {
      shallow();
    } else {
      left++;
    }
    deep();
  }
  tell_one("skipped_returns", (uint64_t)left);
  tell();
}
