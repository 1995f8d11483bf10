# A 32-bit process without any library: waits for a signal (pause is system call 29 of i386).
  .globl _start
_start:
  mov $29, %eax
  int $0x80
  jmp _start
  .section .note.GNU-stack,"",@progbits
