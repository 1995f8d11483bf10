// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Records what allocators do for a few milliseconds at a time.
//
// 1. User space attaches these programs and then opens the window, so that it begins for all functions at one moment;
//    it closes the window before it detaches them. Nothing is recorded outside, though traps cost the same.
// 2. Each event is recorded by itself, with the site of an allocation and the caller of a free. No table of blocks is
//    kept: user space finds the pairs. A free whose block is older than the window can't be told from others.
// 3. The outermost allocator call of a thread counts, as in allocations.bpf.c. Calls that were pending when a window
//    closed are forgotten with it.
// 4. When the allowance is used up, the window closes itself.
// 5. Outside of windows runs only leave their time, which says how long probes really were there.
#include "calls.bpf.h"
#include "sites.bpf.h"
#include "window_events.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern bool bpf_session_is_return(void) __ksym __weak;

// This thread, if a window is open and its process a target; what it was inside of in another window is forgotten.
static __always_inline struct thread_state *thread_in_window(u32 *process) {
  struct window_state *state = window_block();
  u32 number = state ? state->number : 0;
  if (!number) return 0;
  struct thread_state *thread = current_thread();
  if (!thread) return 0;
  *process = current_process(thread);
  if (!*process) return 0;
  if (thread->window_number != number) {
    thread->window_number = number;
    thread->depth = 0;
    thread->last_key = 0;
    thread->window_runs = 0;
  }
  if (!(thread->window_runs++ & (WINDOW_THREAD_RUNS - 1))) note_thread(*process);
  return thread;
}

// A function that frees and calls another that does (operator delete → free): both are given the same block, and the
// first one counts. A block that comes again to the first was allocated in between, by whom we need not have seen.
static __always_inline int is_same_free(struct thread_state *thread, u64 address, u64 ip) {
  enum { IP_BITS = 20, ALIGNMENT_BITS = 3 };
  u64 key = address >> ALIGNMENT_BITS << IP_BITS | (ip & ((1 << IP_BITS) - 1)), last = thread->last_key;
  if (last >> IP_BITS == key >> IP_BITS && last != key) return 1;
  thread->last_key = key;
  return 0;
}

static __always_inline int enter(struct pt_regs *ctx, u64 cookie) {
  u32 kind = cookie & ((1 << COOKIE_KIND_BITS) - 1);
  u32 process = 0;
  struct thread_state *thread = thread_in_window(&process);
  if (!thread) return NO_RETURN_WANTED;
  if (kind == CALL_LONGJMP) {
    drop_all_frames(thread, process);
    return NO_RETURN_WANTED;
  }
  if (kind == CALL_EXCEPTION) {
    drop_frames_of_exception(thread, process);
    return NO_RETURN_WANTED;
  }
  u64 sp = ctx->sp;
  if (thread->depth) {
    drop_skipped_frames(thread, process, sp);
    if (thread->depth) return NO_RETURN_WANTED;
  }
  if (kind == CALL_FREE) {
    u64 address = ctx->di;
    if (address && !is_same_free(thread, address, ctx->ip)) note_freed(process, address, sp, cookie, 0);
    return NO_RETURN_WANTED;
  }
  struct call_frame *frame = push_frame(thread, process, kind, sp);
  if (!frame) return NO_RETURN_WANTED;
  read_request(ctx, cookie, frame);
  // The block must be recorded as freed before another thread can be given it.
  if (is_reallocation(kind) && frame->pointer) note_freed(process, frame->pointer, sp, cookie, WINDOW_REALLOCATED);
  frame->old.size = kind == CALL_RESIZE ? frame->old.size : cookie;
  thread->last_key = 0;
  return RETURN_WANTED;
}

// A call has come back. `ctx` is its caller's, but for the result.
static __always_inline void settle(struct pt_regs *ctx, struct thread_state *thread, u32 process,
                                   struct call_frame *frame) {
  u32 kind = frame->kind;
  u64 address = ctx->ax, size = frame->size, cookie = frame->old.size;
  if (kind == CALL_POSIX_MEMALIGN) {
    if (ctx->ax || bpf_probe_read_user(&address, sizeof address, (void *)frame->pointer)) return;
  }
  if (kind == CALL_RESIZE) {
    // xallocx says how many bytes the block has now.
    if (address < size) return;
    size = address;
    address = frame->pointer;
    cookie = 0;
    note_freed(process, address, frame->sp, cookie, WINDOW_REALLOCATED);
  }
  if (kind == CALL_STRING && address) size = string_bytes(thread, address);
  if (!address) {
    // realloc(p, 0) has freed p; any other NULL is a failure.
    if (is_reallocation(kind) && frame->pointer && size && !(frame->flags & FRAME_FREES_ON_FAILURE))
      note_kept(process, frame->pointer);
    return;
  }
  u32 site = 0, flags = frame->flags & FRAME_MAY_THROW ? WINDOW_STEPPED : 0;
  if ((is_reallocation(kind) || kind == CALL_RESIZE) && frame->pointer) flags |= WINDOW_REALLOCATED;
  if (current_site(thread, process, ctx, &site)) note_allocated(process, address, size, site, cookie, flags);
}

static __always_inline int leave(struct pt_regs *ctx, u32 kind) {
  u32 process = 0;
  struct thread_state *thread = thread_in_window(&process);
  if (!thread || !thread->depth) return 0;
  int top = pop_frame(thread, process, kind, ctx->sp - sizeof(u64));
  if (top >= 0) settle(ctx, thread, process, &thread->frames[frame_index(top)]);
  return 0;
}

// A `ret` of a function that may throw: see allocations.bpf.c.
static __always_inline void leave_by_instruction(struct pt_regs *ctx) {
  u32 process = 0;
  struct thread_state *thread = thread_in_window(&process);
  if (!thread || !thread->depth) return;
  struct call_frame *frame = &thread->frames[0];
  if (frame->sp != ctx->sp || !(frame->flags & FRAME_MAY_THROW)) return;
  thread->depth = 0;
  settle(caller_at_return(ctx, thread), thread, process, frame);
}

static __always_inline int enter_or_return(struct pt_regs *ctx, u64 cookie) {
  if (cookie != CALL_RETURN) return enter(ctx, cookie);
  leave_by_instruction(ctx);
  return NO_RETURN_WANTED;
}

// When a run begins that is to be timed; 0: it isn't. Runs before and after the window tell how long targets are slow.
static __always_inline u64 begin_timing(void) {
  struct window_state *state = window_block();
  if (state && !state->number) {
    u64 now = bpf_ktime_get_ns();
    if (!state->first_outside) state->first_outside = now;
    state->last_outside = now;
    return 0;
  }
  return state && !(state->claimed & (WINDOW_TIMED_RUN - 1)) ? bpf_ktime_get_ns() : 0;
}

static __always_inline void end_timing(u64 begun) {
  if (!begun) return;
  struct window_state *state = window_block();
  u64 length = bpf_ktime_get_ns() - begun;
  if (!state || length > WINDOW_LONGEST_RUN) return;
  __sync_fetch_and_add(&state->program_nanoseconds, length);
  __sync_fetch_and_add(&state->timed, 1);
}

// Entry and return by one link: it is gone sooner than two.
SEC("kprobe/session")
int window_call(struct pt_regs *ctx) {
  u64 begun = begin_timing();
  int result = bpf_session_is_return() ? leave(ctx, ANY_CALL) : enter_or_return(ctx, bpf_get_attach_cookie(ctx));
  end_timing(begun);
  return result;
}

SEC("kprobe/entry")
int window_entry(struct pt_regs *ctx) {
  u64 begun = begin_timing();
  enter_or_return(ctx, bpf_get_attach_cookie(ctx));
  end_timing(begun);
  return 0;
}

SEC("kprobe/return")
int window_return(struct pt_regs *ctx) {
  u64 begun = begin_timing();
  int result = leave(ctx, bpf_get_attach_cookie(ctx) & ((1 << COOKIE_KIND_BITS) - 1));
  end_timing(begun);
  return result;
}
