// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Walks the stack of the current thread by frame pointers: {saved rbp, return address} at each rbp
// (System V x86-64 ABI, 3.2.2). The seam for walking by unwind rows: registers in, frames and hash out.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "hashing.h"
#include "thread_state.bpf.h"

enum { LOWEST_CODE_ADDRESS = 0x1000, ADDRESS_BITS = 47 };

// Reads the two words of the frame at `bp`.
//
// A helper call costs as much as ten steps in memory of our own, so a kibibyte of stack is read at once: the
// window, which begins at `*window` and moves outwards with the walk. Near the end of a stack less than that may
// be readable; then a frame is read by itself.
static __always_inline int read_frame(struct thread_state *thread, u64 *window, u64 bp, struct saved_frame *frame) {
  u64 word = (bp - *window) >> 3;
  if (word >= STACK_WINDOW_WORDS - 1 && !bpf_probe_read_user(thread->window, STACK_WINDOW_WORDS * sizeof(u64), (void *)bp)) {
    *window = bp;
    word = 0;
  }
  if (word < STACK_WINDOW_WORDS - 1) {
    asm volatile("" : "+r"(word));
    word &= STACK_WINDOW_WORDS - 1;
    frame->bp = thread->window[word];
    frame->ip = thread->window[word + 1];
    return 0;
  }
  return bpf_probe_read_user(frame, sizeof *frame, (void *)bp);
}

// Fills `stack.frames`, `frame_count` and `flags`; returns the hash of the frames on top of `seed`.
__noinline u64 walk_stack(struct thread_state *thread, u64 ip, u64 sp, u64 bp, u64 seed) {
  if (!thread) return 0;
  struct stack_event *stack = &thread->stack;
  u64 hash = mix64(seed, ip);
  u64 low = sp;
  u32 count = 1;
  u32 truncated = STACK_TRUNCATED;
  u64 window = ~0ull;
  stack->frames[0] = ip;
  for (int i = 1; i < STACK_MAX_FRAMES; i++) {
    struct saved_frame frame;
    if (!bp) {
      truncated = 0;
      break;
    }
    // A frame lies above the one before it; anything else in rbp is data of code without frame pointers.
    if (bp < low || (bp & 7) || read_frame(thread, &window, bp, &frame)) break;
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
