#define _GNU_SOURCE
#include "CLinux.h"

#include <time.h>

// Written in assembler so that the first instruction is what the name says. None is aligned to a nop slide.
#define SUBJECT(name, instructions) \
  __attribute__((naked, noinline, used)) static void name(void) { __asm__ volatile(instructions "\n ret"); }

SUBJECT(subject_push, "push %rbp\n pop %rbp")
SUBJECT(subject_push_rex, "push %r12\n pop %r12")
SUBJECT(subject_jmp_short, ".byte 0xeb, 0")
SUBJECT(subject_jmp_near, ".byte 0xe9, 0, 0, 0, 0")
SUBJECT(subject_jcc_short, ".byte 0x74, 0")
SUBJECT(subject_jcc_near, ".byte 0x0f, 0x84, 0, 0, 0, 0")
SUBJECT(subject_call_near, "call 1f\n1: lea 8(%rsp), %rsp")
SUBJECT(subject_nop, "nop")
SUBJECT(subject_endbr64, ".byte 0xf3, 0x0f, 0x1e, 0xfa")
SUBJECT(subject_other, "test %rdi, %rdi")

static void (*const subjects[LINUX_SUBJECT_COUNT])(void) = {
    [LINUX_SUBJECT_PUSH] = subject_push,           [LINUX_SUBJECT_PUSH_REX] = subject_push_rex,
    [LINUX_SUBJECT_JMP_SHORT] = subject_jmp_short, [LINUX_SUBJECT_JMP_NEAR] = subject_jmp_near,
    [LINUX_SUBJECT_JCC_SHORT] = subject_jcc_short, [LINUX_SUBJECT_JCC_NEAR] = subject_jcc_near,
    [LINUX_SUBJECT_CALL_NEAR] = subject_call_near, [LINUX_SUBJECT_NOP] = subject_nop,
    [LINUX_SUBJECT_ENDBR64] = subject_endbr64,     [LINUX_SUBJECT_OTHER] = subject_other,
};

const void *linux_probe_subject_address(unsigned subject) { return (const void *)subjects[subject]; }

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

double linux_probe_subject_cost(unsigned subject, unsigned calls) {
  void (*volatile call)(void) = subjects[subject];
  double least = 1e9;
  for (int round = 0; round < 5; round++) {
    double start = seconds();
    for (unsigned i = 0; i < calls; i++) call();
    double cost = (seconds() - start) * 1e9 / calls;
    if (cost < least) least = cost;
  }
  return least;
}
