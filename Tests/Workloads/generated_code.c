// Code that no file has, made at run time with a frame pointer as compilers do that run in a process, calls malloc.
#include <sys/mman.h>

#include "truth.h"

typedef void *generated_function(void *(*callee)(size_t), size_t argument);

static const uint8_t code[] = {
    0x55,              // push %rbp
    0x48, 0x89, 0xe5,  // mov %rsp, %rbp
    0x48, 0x89, 0xf8,  // mov %rdi, %rax
    0x48, 0x89, 0xf7,  // mov %rsi, %rdi
    0xff, 0xd0,        // call *%rax
    0x5d,              // pop %rbp
    0xc3,              // ret
};

__attribute__((noipa)) static void call_generated(generated_function *generated) {
  took(generated(malloc, 25), 25);
  __asm__ volatile("");  // not a tail call
}

int main(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page, code, sizeof code);
  mprotect(page, 4096, PROT_READ | PROT_EXEC);
  for (int i = 0; i < 19; i++) call_generated((generated_function *)page);
  tell();
}
