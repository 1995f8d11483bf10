// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Walks the stack of the current thread, from registers to return addresses and a hash of them.
//
// 1. The rule for the code of a frame says where the caller's stack pointer, rbp and rbx are (`unwind_rules.bpf.h`).
//    Every address on the stack is where a call returns to, so what is looked up is the byte before it: a call at the
//    end of a function returns to the next one. An instruction that a signal interrupted is handed over one byte
//    higher, so that all frames are alike.
// 2. Memory of the stack is read a kibibyte at a time: a helper call costs as much as ten steps in memory of our own.
// 3. The walk is complete when it comes to code that is nobody's callee: `_start`, or a thread's `clone`. Otherwise
//    it says why it ended. A frame that can't be is never guessed.
//
// Nothing is kept from one walk to the next but rules: a stack that looks like the one before is still read, so stale
// return addresses in memory that nobody has initialised can't be taken for frames.
//
// The state of the loop lies in the thread's memory, as the verifier would follow every combination of registers.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "thread_state.bpf.h"
#include "unwind_rules.bpf.h"

enum { LOWEST_CODE_ADDRESS = 0x1000, ADDRESS_BITS = 47 };

// A turn of the loop walks up to so many frames, and one at least, or sees through a return probe.
enum { FRAMES_PER_TURN = 7, WALK_TURNS = STACK_MAX_FRAMES + 64 };

// Where a struct ucontext has its registers, seen from the signal frame's rsp (arch/x86/include/uapi/asm/ucontext.h
// and sigcontext.h).
enum { UCONTEXT_RBP = 120, UCONTEXT_RBX = 128, UCONTEXT_RSP = 160, UCONTEXT_RIP = 168 };

// Bytes below a CFA where registers are saved mostly: six registers and the return address.
enum { SAVED_REGISTER_BYTES = 56 };

// An index the verifier can follow: the compiler may not move the mask away from the access.
#define MASKED(index, count)             \
  ({                                     \
    u64 masked = (index);                \
    asm volatile("" : "+r"(masked));     \
    masked &(count) - 1;                 \
  })

// Reads a part of the stack at once. Near the end of a stack less than that may be readable; then there is no window.
static __always_inline int fill_window(struct thread_state *thread, u64 start) {
  long failed = bpf_probe_read_user(thread->window, sizeof thread->window, (void *)start);
  thread->walk.window_start = failed ? ~0ull : start;
  return !failed;
}

// Reads one word of the stack. `low` is the lowest address that is of interest together with it.
//
// The words of the window lie at multiples of 8, as those of a stack do; rbp may be anything.
static __always_inline int read_stack(struct thread_state *thread, u64 address, u64 low, u64 *value) {
  if (address & 7) return bpf_probe_read_user(value, sizeof *value, (void *)address);
  u64 word = (address - thread->walk.window_start) >> 3;
  if (word >= STACK_WINDOW_WORDS) {
    word = (address - low) >> 3;
    if (word >= STACK_WINDOW_WORDS || !fill_window(thread, low))
      return bpf_probe_read_user(value, sizeof *value, (void *)address);
  }
  *value = thread->window[MASKED(word, STACK_WINDOW_WORDS)];
  return 0;
}

// A function that somebody has set a return probe on returns to the [uprobes] page; the kernel has kept where to
// really. `slot` is where the return address lay.
__noinline u64 hidden_return_address(u64 slot) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  struct return_instance *instance = BPF_CORE_READ(task, utask, return_instances);
  for (int i = 0; i < 64 && instance; i++) {
    if (BPF_CORE_READ(instance, stack) == slot) return BPF_CORE_READ(instance, orig_ret_vaddr);
    instance = BPF_CORE_READ(instance, next);
  }
  return 0;
}

// The start of the [uprobes] page: where every function with a return probe returns to.
static __always_inline u64 return_trampoline(void) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  return BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
}

// The rarer rules. Sets the CFA and returns 1; 0: the walk ends here, for the reason in `walk.ending`.
__noinline int find_rare_frame(struct thread_state *thread, u64 rule) {
  if (!thread) return 0;
  struct walk *walk = &thread->walk;
  u64 value = 0;
  s32 offset = rule_offset(rule);
  walk->ending = STACK_UNREADABLE;
  switch (rule_kind(rule)) {
    case UNWIND_RBX:
      value = walk->bx;
      if (walk->bx_slot && bpf_probe_read_user(&value, sizeof value, (void *)walk->bx_slot)) return 0;
      walk->cfa = value + offset;
      return 1;
    case UNWIND_AT_RSP:
    case UNWIND_AT_RBP:
      value = rule_kind(rule) == UNWIND_AT_RSP ? walk->sp : walk->bp;
      if (bpf_probe_read_user(&value, sizeof value, (void *)(value + (s16)offset))) return 0;
      walk->cfa = value + (offset >> 16);
      return 1;
    case UNWIND_PLT:
      walk->cfa = walk->sp + 8 + ((walk->ip - 1 & 15) >= (u32)offset ? 8 : 0);
      return 1;
    case UNWIND_FRAME_POINTER:
      walk->ending = walk->bp ? STACK_BAD_FRAME : STACK_COMPLETE;
      if (walk->bp < walk->sp) return 0;
      walk->cfa = walk->bp + 16;
      return 1;
    case UNWIND_END:
      walk->ending = STACK_COMPLETE;
      return 0;
    case UNWIND_NONE:
      walk->ending = STACK_NO_RULE;
      return 0;
    case UNWIND_UNKNOWN_CODE:
      walk->ending = STACK_UNKNOWN_CODE;
      return 0;
    default:
      walk->ending = STACK_UNSUPPORTED_RULE;
      return 0;
  }
}

// The kernel put a signal frame on the stack; the caller's registers lie in it.
__noinline int leave_signal_frame(struct thread_state *thread) {
  if (!thread) return 0;
  struct walk *walk = &thread->walk;
  u64 context = walk->sp;
  walk->ending = STACK_UNREADABLE;
  if (bpf_probe_read_user(&walk->ip, sizeof walk->ip, (void *)(context + UCONTEXT_RIP)) ||
      bpf_probe_read_user(&walk->sp, sizeof walk->sp, (void *)(context + UCONTEXT_RSP)) ||
      bpf_probe_read_user(&walk->bp, sizeof walk->bp, (void *)(context + UCONTEXT_RBP)))
    return 0;
  walk->bx_slot = context + UCONTEXT_RBX;
  walk->ip++;  // no call returns here
  return 1;
}

// From a frame to its caller by the rule for its code. 0: the walk ends here.
static __always_inline int step(struct thread_state *thread, u64 rule) {
  struct walk *walk = &thread->walk;
  u32 kind = rule_kind(rule);
  u64 cfa;
  if (kind == UNWIND_RSP) {
    cfa = walk->sp + rule_offset(rule);
  } else if (kind == UNWIND_RBP) {
    cfa = walk->bp + rule_offset(rule);
  } else if (kind == UNWIND_SIGNAL) {
    return leave_signal_frame(thread);
  } else {
    if (!find_rare_frame(thread, rule)) return 0;
    cfa = walk->cfa;
  }
  // The caller's frame lies above.
  walk->ending = STACK_BAD_FRAME;
  if (cfa <= walk->sp || cfa & 7) return 0;
  walk->ending = STACK_UNREADABLE;
  u64 low = cfa - 8 - SAVED_REGISTER_BYTES, ip;
  if (read_stack(thread, cfa - 8, low, &ip)) return 0;
  s64 saved_rbp = (s16)(rule >> 16);
  if (kind == UNWIND_FRAME_POINTER) saved_rbp = -2;
  if (saved_rbp || rule & UNWIND_RBP_FROM_RBP) {
    u64 slot = (rule & UNWIND_RBP_FROM_RBP ? walk->bp : cfa) + saved_rbp * 8;
    if (read_stack(thread, slot, slot < low ? slot : low, &walk->bp)) return 0;
  }
  u64 saved_rbx = rule >> 8 & 0xff;
  if (saved_rbx) walk->bx_slot = cfa - saved_rbx * 8;
  walk->sp = cfa;
  walk->ip = ip;
  return 1;
}

static __always_inline void keep_frame(struct thread_state *thread, u32 count, u64 ip) {
  thread->stack.frames[MASKED(count, STACK_MAX_FRAMES)] = ip;
}

// One frame, whatever there is to do. 0: the walk ends, for the reason in `walk.ending`.
__noinline int walk_frame(struct thread_state *thread) {
  if (!thread) return 0;
  struct walk *walk = &thread->walk;
  u64 ip = walk->ip;
  if (ip < LOWEST_CODE_ADDRESS || ip >> ADDRESS_BITS) {
    walk->ending = ip ? STACK_BAD_FRAME : STACK_COMPLETE;  // a thread's first frame may return to 0
    return 0;
  }
  u64 rule = rule_of(walk->process, ip - 1, walk->seed);
  if (rule_kind(rule) == UNWIND_UNKNOWN_CODE && ip == return_trampoline()) {
    walk->ip = hidden_return_address(walk->sp - 8);
    walk->ending = STACK_BAD_FRAME;  // of a call that the kernel has forgotten; not a first frame that returns to 0
    return walk->ip != 0;
  }
  u32 count = walk->count;
  if (count >= STACK_MAX_FRAMES) {
    walk->ending = STACK_TOO_DEEP;
    return 0;
  }
  keep_frame(thread, count, ip);
  walk->count = count + 1;
  walk->hash = mix64(walk->hash, ip);
  walk->closable |= rule & RULE_IN_CLOSABLE_CODE;
  return step(thread, rule);
}

// Several frames, with what nearly all of them need in registers: a rule that is at hand, a CFA that is rsp or rbp
// and a constant, and stack memory in the window. The first frame that needs more is left to `walk_frame`.
static long walk_frames(u32 index, struct thread_state **context) {
  struct thread_state *thread = *context;
  struct walk *walk = &thread->walk;
  u64 ip = walk->ip, sp = walk->sp, bp = walk->bp, hash = walk->hash, bx_slot = walk->bx_slot;
  u64 seed = walk->seed, window_start = walk->window_start;
  u32 count = walk->count, closable = walk->closable;
#pragma unroll
  for (int i = 0; i < FRAMES_PER_TURN; i++) {
    u64 rule = kept_rule(mix64(seed, ip - 1));
    u32 kind = rule_kind(rule);
    if (kind == UNWIND_END && count < STACK_MAX_FRAMES) {
      keep_frame(thread, count, ip);
      walk->count = count + 1;
      walk->hash = mix64(hash, ip);
      walk->closable = closable | (rule & RULE_IN_CLOSABLE_CODE);
      walk->ending = STACK_COMPLETE;
      return 1;
    }
    if (count >= STACK_MAX_FRAMES || kind - UNWIND_RSP > UNWIND_RBP - UNWIND_RSP || rule & UNWIND_RBP_FROM_RBP) break;
    u64 cfa = (kind == UNWIND_RSP ? sp : bp) + rule_offset(rule);
    u64 word = (cfa - 8 - window_start) >> 3;
    s64 saved_rbp = (s16)(rule >> 16);
    u64 rbp_word = word + 1 + saved_rbp;
    if (cfa <= sp || cfa & 7 || word >= STACK_WINDOW_WORDS || rbp_word >= STACK_WINDOW_WORDS) break;
    keep_frame(thread, count, ip);
    count++;
    hash = mix64(hash, ip);
    closable |= rule & RULE_IN_CLOSABLE_CODE;
    if (saved_rbp) bp = thread->window[MASKED(rbp_word, STACK_WINDOW_WORDS)];
    u64 saved_rbx = rule >> 8 & 0xff;
    if (saved_rbx) bx_slot = cfa - saved_rbx * 8;
    ip = thread->window[MASKED(word, STACK_WINDOW_WORDS)];
    sp = cfa;
  }
  int is_stuck = walk->count == count;
  walk->ip = ip;
  walk->sp = sp;
  walk->bp = bp;
  walk->hash = hash;
  walk->bx_slot = bx_slot;
  walk->count = count;
  walk->closable = closable;
  if (!is_stuck) return 0;
  int goes_on = walk_frame(thread);
  asm volatile("" : "+r"(goes_on));  // the verifier has to see that 0 or 1 is returned
  return goes_on ? 0 : 1;
}

// Fills `stack.frames`, `frame_count` and `ending`; returns a hash of process and frames.
//
// A library may be loaded where another one was: stacks with frames in code that can be closed are told apart by
// the generation of the process's code.
static __always_inline u64 walk_stack(struct thread_state *thread, u32 process, u32 generation, struct pt_regs *ctx) {
  struct walk *walk = &thread->walk;
  walk->ip = ctx->ip;
  walk->sp = ctx->sp;
  walk->bp = ctx->bp;
  walk->bx = ctx->bx;
  walk->bx_slot = 0;
  walk->seed = mix64((u64)process << 32 | generation, process);
  walk->hash = mix64((u64)process << 32, process);
  walk->process = process;
  walk->count = 0;
  walk->closable = 0;
  walk->ending = STACK_TOO_DEEP;
  struct thread_state *context = thread;
  fill_window(thread, ctx->sp & ~7ull);
  bpf_loop(WALK_TURNS, walk_frames, &context, 0);
  thread->stack.frame_count = walk->count;
  thread->stack.ending = walk->ending;
  return walk->closable ? mix64(walk->hash, generation) : walk->hash;
}
