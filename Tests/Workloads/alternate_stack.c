// A handler on an alternate stack allocates while no allocator call is pending.
#include "truth.h"

static char alternate[65536];
static void *volatile last;

static void handler(int unused) {
  (void)unused;
  last = took(malloc(66), 66);
  free(gave(took(malloc(88), 88), 88));
}

int main(void) {
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR2, &action, NULL);
  for (int i = 0; i < 100; i++) raise(SIGUSR2);
  tell();
}
