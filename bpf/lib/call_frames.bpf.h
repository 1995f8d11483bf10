// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The calls a thread is inside of, innermost last: how their returns are matched, and how those are noticed that
// never come.
#pragma once
#include "block_table.bpf.h"
#include "stack_walk.bpf.h"

// More flags of frames, beside those of thread_state.bpf.h.
enum {
  FRAME_MAY_THROW = 8,         // it returns by way of probed `ret` instructions, if it returns
  FRAME_FREES_ON_FAILURE = 16  // reallocf
};

// An index the verifier can follow: the compiler may not move the mask away from the access.
static __always_inline u32 frame_index(u32 index) {
  asm volatile("" : "+r"(index));
  return index & (CALL_FRAMES - 1);
}

// Settles a call that will never return: the block it may have made is not counted, the one it was given to
// reallocate is taken for live still. A system call inside an allocator call is no block, and a call that an exception
// left made none.
__noinline int settle_skipped_return(struct thread_state *thread, u32 process, u32 index) {
  if (!thread) return 0;
  struct call_frame *frame = &thread->frames[frame_index(index)];
  if (frame->flags & FRAME_HAS_OLD_BLOCK) put_back_block(process, frame->pointer, &frame->old);
  if (!(frame->flags & (FRAME_INTERNAL | FRAME_MAY_THROW))) count_loss(process, LOSS_SKIPPED_RETURN);
  return 0;
}

// Drops frames whose call will not return any more: longjmp or an exception went past it.
//
// A call inside another has the lower stack pointer, so one with a higher one proves a skipped return. A lower
// one proves nothing, since later calls may run deeper; but while a call is pending, its return-address slot
// holds the trampoline. A tail call (reallocarray → realloc) has the same stack pointer and a hijacked slot.
//
// No trampoline tells of a call that may throw, but its exception does (`drop_frames_of_exception`). One with the same
// stack pointer is a tail call, or the next call of a caller that caught something: it takes the place either way.
__noinline int drop_skipped_frames(struct thread_state *thread, u32 process, u64 sp) {
  if (!thread) return 0;
  u64 trampoline = return_trampoline();
  for (int i = 0; i < CALL_FRAMES && thread->depth; i++) {
    u32 top = frame_index(thread->depth - 1);
    u64 slot = 0, frame_sp = thread->frames[top].sp;
    if (thread->frames[top].flags & FRAME_MAY_THROW) {
      if (frame_sp > sp) break;
    } else if (frame_sp >= sp && !bpf_probe_read_user(&slot, sizeof slot, (void *)frame_sp) && slot == trampoline) {
      break;
    }
    thread->depth = top;
    settle_skipped_return(thread, process, top);
  }
  return 0;
}

// longjmp was called: none of the pending calls will return, unless the jump stays inside a signal handler that
// interrupted one; that one's return is then ignored, and counted as skipped all the same.
static __always_inline void drop_all_frames(struct thread_state *thread, u32 process) {
  for (int i = 0; i < CALL_FRAMES && thread->depth; i++) {
    u32 top = frame_index(thread->depth - 1);
    thread->depth = top;
    // A signal handler may have interrupted it when it had its block already.
    if (thread->frames[top].flags & FRAME_MAY_THROW) count_loss(process, LOSS_SKIPPED_RETURN);
    settle_skipped_return(thread, process, top);
  }
}

// A C++ exception is about to be thrown: it leaves an outermost call that may throw, which has failed then. Any other
// catches it itself, or it would not be thrown: it could not get past the trampoline. What is allocated from here
// on, the exception to begin with, is no part of the call.
static __always_inline void drop_frames_of_exception(struct thread_state *thread, u32 process) {
  if (!thread->depth || !(thread->frames[0].flags & FRAME_MAY_THROW)) return;
  for (int i = 0; i < CALL_FRAMES && thread->depth; i++) {
    u32 top = frame_index(thread->depth - 1);
    thread->depth = top;
    settle_skipped_return(thread, process, top);
  }
  struct process_record *record = process_record_of(process);
  if (record) __sync_fetch_and_add(&record->failed_calls, 1);
}

// A new frame on top, or NULL if there is no room, which is counted.
static __always_inline struct call_frame *push_frame(struct thread_state *thread, u32 process, u32 kind, u64 sp) {
  u32 depth = thread->depth;
  if (depth >= CALL_FRAMES) {
    count_loss(process, LOSS_NESTING);
    return 0;
  }
  struct call_frame *frame = &thread->frames[frame_index(depth)];
  frame->sp = sp;
  frame->kind = kind;
  frame->flags = 0;
  thread->depth = depth + 1;
  return frame;
}

// The index of the frame of the call that returns, taken off together with those above it, whose returns were
// skipped. -1: the entry was not seen, or was a call inside another that nobody counts.
__noinline int pop_skipped_frames(struct thread_state *thread, u32 process, u32 kind, u64 sp) {
  if (!thread) return -1;
  u32 depth = thread->depth;
  for (int i = 0; i < CALL_FRAMES && depth; i++) {
    u32 top = frame_index(depth - 1);
    struct call_frame *frame = &thread->frames[top];
    if (frame->sp > sp || (frame->sp == sp && kind && frame->kind != kind)) return -1;
    thread->depth = depth = top;
    if (frame->sp == sp) return top;
    settle_skipped_return(thread, process, top);
  }
  return -1;
}

// Nearly always it is the frame on top.
static __always_inline int pop_frame(struct thread_state *thread, u32 process, u32 kind, u64 sp) {
  u32 top = frame_index(thread->depth - 1);
  struct call_frame *frame = &thread->frames[top];
  if (frame->sp != sp || (kind && frame->kind != kind)) return pop_skipped_frames(thread, process, kind, sp);
  thread->depth = top;
  return top;
}
