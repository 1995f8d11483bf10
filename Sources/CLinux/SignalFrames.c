#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "CLinux.h"

// What rt_sigreturn(2) reads (Linux, arch/x86/include/asm/sigframe.h and uapi/asm/ucontext.h): the address it was called
// from by `ret`, and the state of the thread.
struct frame {
  uint64_t restorer;
  uint64_t flags, link;
  stack_t stack;  // of no size: sigreturn leaves the alternate stack alone
  struct sigcontext state;
  uint64_t mask;
};

enum {
  FLAG_EXTENDED_STATE = 1,  // UC_FP_XSTATE
  FLAG_STACK_SEGMENT = 6,   // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
  LEGACY_STATE = 512,       // bytes before the header of an XSAVE area (Intel SDM, volume 1, 13.4)
  SOFTWARE_BYTES = 464,     // of these, those that a processor leaves alone
  NO_PROCESS = 0x7ffffffe,  // a pid that no process has
};

// struct _fpx_sw_bytes (Linux, uapi/asm/sigcontext.h)
struct software_bytes {
  uint32_t magic, extended_size;
  uint64_t features;
  uint32_t size, padding[7];
};

static struct frame frame(const struct user_regs_struct *from, const struct linux_twin_code *code) {
  struct frame frame = {.restorer = code->restore, .flags = FLAG_STACK_SEGMENT, .mask = UINT64_MAX};
  struct sigcontext *to = &frame.state;
  to->r8 = from->r8, to->r9 = from->r9, to->r10 = from->r10, to->r11 = from->r11;
  to->r12 = from->r12, to->r13 = from->r13, to->r14 = from->r14, to->r15 = from->r15;
  to->rdi = from->rdi, to->rsi = from->rsi, to->rbp = from->rbp, to->rbx = from->rbx;
  to->rdx = from->rdx, to->rax = from->rax, to->rcx = from->rcx, to->rsp = from->rsp;
  to->rip = from->rip, to->eflags = from->eflags, to->cs = from->cs;
  to->__pad0 = from->ss;
  return frame;
}

// A frame that makes a system call, and goes on with the frame at `next`.
static struct frame call(const struct user_regs_struct *from, const struct linux_twin_code *code, uint64_t next,
                         uint64_t number, uint64_t first, uint64_t second, uint64_t third) {
  struct frame made = frame(from, code);
  made.state.rip = code->call;
  made.state.rsp = next;
  made.state.rax = number;
  made.state.rdi = first, made.state.rsi = second, made.state.rdx = third, made.state.r10 = 0, made.state.r8 = 0;
  made.state.eflags &= ~(uint64_t)0x500;  // neither trapped nor backwards
  return made;
}

// Bytes of an XSAVE area that has the components of a mask (CPUID leaf 0DH); 0 for components that the processor lacks.
static uint32_t state_size(uint64_t features) {
  uint32_t end = LEGACY_STATE + 64;
  for (unsigned number = 2; number < 63; number++) {
    if (!(features >> number & 1)) continue;
    unsigned size, offset, flags, rest;
    if (!__get_cpuid_count(0xd, number, &size, &offset, &flags, &rest) || !size) return 0;
    if (offset + size > end) end = offset + size;
  }
  return end;
}

// Makes of what ptrace(2) says of floating-point registers what sigreturn takes; its bytes, or 0.
static size_t complete(unsigned char *state, size_t count) {
  const uint64_t tiles = (uint64_t)3 << 17;  // big, and only of programs that have asked for them
  if (count < LEGACY_STATE + 64) return 0;
  uint64_t supported, used;
  memcpy(&supported, state + SOFTWARE_BYTES, 8);
  memcpy(&used, state + LEGACY_STATE, 8);
  if (used & tiles) return 0;
  uint64_t features = supported & ~tiles;
  uint32_t size = state_size(features);
  if (!size || size > count) return 0;
  struct software_bytes software = {0x46505853, size + 4, features, size, {0}};
  memcpy(state + SOFTWARE_BYTES, &software, sizeof software);
  const uint32_t end = 0x46505845;
  memcpy(state + size, &end, 4);
  return size + 4;
}

// The state in which an interrupted system call begins anew, as the kernel would have it.
static struct user_regs_struct restarted(struct user_regs_struct registers) {
  // ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND and ERESTART_RESTARTBLOCK of <linux/errno.h>
  static const long long codes[] = {-512, -513, -514, -516};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    if ((long long)registers.orig_rax < 0 || (long long)registers.rax != codes[i]) continue;
    registers.rax = registers.orig_rax;
    registers.rip -= 2;
    break;
  }
  return registers;
}

int linux_twin_steps(pid_t tid, const struct linux_twin_code *code, struct linux_twin_steps *steps) {
  struct user_regs_struct registers;
  uint64_t mask;
  if (linux_ptrace_registers(tid, &registers) < 0 || ptrace(PTRACE_GETSIGMASK, tid, sizeof mask, &mask) < 0)
    return -1;
  unsigned char state[LINUX_TWIN_STATE_BYTES + 4] __attribute__((aligned(64)));
  struct iovec area = {state, LINUX_TWIN_STATE_BYTES};
  if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &area) < 0) return -1;
  size_t state_count = complete(state, area.iov_len);
  if (!state_count) return errno = ENOTSUP, -1;

  registers = restarted(registers);
  struct frame frames[4];
  // Below what a leaf function may use (System V ABI for AMD64, 3.2.2).
  const uint64_t end = registers.rsp - 128;
  const uint64_t state_address = (end - state_count) & ~(uint64_t)63;
  const uint64_t first = (state_address - sizeof frames) & ~(uint64_t)63;
  uint64_t at[4];
  for (int i = 0; i < 4; i++) at[i] = first + (uint64_t)i * sizeof *frames;

  // The thread, after clone(2): waits for the helper, whose pid the kernel has written to where this frame has its first
  // argument, and then is what it was.
  frames[0] = call(&registers, code, at[1], SYS_wait4, NO_PROCESS, 0, __WALL);
  frames[1] = frame(&registers, code);
  frames[1].flags |= FLAG_EXTENDED_STATE;
  frames[1].state.fpstate = (void *)state_address;
  frames[1].mask = mask;
  // The helper: makes the twin, and ends.
  frames[2] = call(&registers, code, at[3], SYS_clone, CLONE_FS | CLONE_FILES, at[3], 0);
  // Both, unless the twin is held.
  frames[3] = call(&registers, code, at[3], SYS_exit_group, 0, 0, 0);

  steps->address = first;
  steps->count = state_address + state_count - first;
  memset(steps->bytes, 0, sizeof steps->bytes);
  memcpy(steps->bytes, frames, sizeof frames);
  memcpy(steps->bytes + (state_address - first), state, state_count);
  steps->entry = registers;
  steps->entry.rip = code->call;
  steps->entry.rsp = at[0];
  steps->entry.rax = SYS_clone;
  steps->entry.orig_rax = UINT64_MAX;
  steps->entry.rdi = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID;
  steps->entry.rsi = at[2];
  steps->entry.rdx = at[0] + offsetof(struct frame, state.rdi);
  steps->entry.r10 = 0;
  steps->entry.r8 = 0;
  steps->entry.eflags &= ~(uint64_t)0x500;
  return 0;
}

int linux_write_twin_steps(pid_t pid, const struct linux_twin_steps *steps) {
  struct iovec local = {(void *)steps->bytes, steps->count}, remote = {(void *)steps->address, steps->count};
  return process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)steps->count ? 0 : -1;
}
