// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Walks the stack of the current thread by frame pointers: {saved rbp, return address} at each rbp
// (System V x86-64 ABI, 3.2.2). The seam for walking by unwind rows: registers in, frames and hash out.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "hashing.h"
#include "thread_state.bpf.h"

enum { LOWEST_CODE_ADDRESS = 0x1000, ADDRESS_BITS = 47 };

// Fills `stack.frames`, `frame_count` and `flags`; returns the hash of the frames on top of `seed`.
__noinline u64 walk_stack(struct thread_state *thread, u64 ip, u64 sp, u64 bp, u64 seed) {
  if (!thread) return 0;
  struct stack_event *stack = &thread->stack;
  u64 hash = mix64(seed, ip);
  u64 low = sp;
  u32 count = 1;
  u32 truncated = STACK_TRUNCATED;
  stack->frames[0] = ip;
  for (int i = 1; i < STACK_MAX_FRAMES; i++) {
    struct {
      u64 bp, ip;
    } frame;
    if (!bp) {
      truncated = 0;
      break;
    }
    // A frame lies above the one before it; anything else in rbp is data of code without frame pointers.
    if (bp < low || (bp & 7) || bpf_probe_read_user(&frame, sizeof frame, (void *)bp)) break;
    if (frame.ip < LOWEST_CODE_ADDRESS || frame.ip >> ADDRESS_BITS) {
      truncated = frame.ip || frame.bp ? STACK_TRUNCATED : 0;
      break;
    }
    stack->frames[i] = frame.ip;
    hash = mix64(hash, frame.ip);
    count = i + 1;
    low = bp + sizeof frame;
    bp = frame.bp;
  }
  stack->frame_count = count;
  stack->flags = truncated;
  return hash;
}
