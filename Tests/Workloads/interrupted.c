// A signal handler allocates that interrupted the first instruction of a function: the code before that
// belongs to another one with a larger frame. 11 times on the stack of the thread, 13 times on another.
#include <ucontext.h>

#include "truth.h"

enum { FAULTING_BYTES = 2 };

uint64_t interrupted(const volatile uint64_t *nowhere);

__asm__(
    ".text\n"
    ".type before, @function\n"
    "before:\n"
    "  .cfi_startproc\n"
    "  sub $72, %rsp\n"
    "  .cfi_adjust_cfa_offset 72\n"
    "  ud2\n"
    "  .cfi_endproc\n"
    ".size before, . - before\n"
    ".type interrupted, @function\n"
    "interrupted:\n"
    "  .cfi_startproc\n"
    "  mov (%rdi), %eax\n"  // FAULTING_BYTES long
    "  ret\n"
    "  .cfi_endproc\n"
    ".size interrupted, . - interrupted\n");

static char alternate[65536];

static void handler(int signal_number, siginfo_t *information, void *context) {
  (void)signal_number;
  (void)information;
  took(malloc(77), 77);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += FAULTING_BYTES;
}

static void handle_faults(int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigaction(SIGSEGV, &action, NULL);
}

__attribute__((noipa)) static void on_own_stack(void) {
  interrupted(NULL);
  __asm__ volatile("");  // not a tail call
}

__attribute__((noipa)) static void on_other_stack(void) {
  interrupted(NULL);
  __asm__ volatile("");
}

int main(void) {
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
  handle_faults(0);
  for (int i = 0; i < 11; i++) on_own_stack();
  handle_faults(SA_ONSTACK);
  for (int i = 0; i < 13; i++) on_other_stack();
  tell();
}
