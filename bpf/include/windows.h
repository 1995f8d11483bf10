// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What allocators do while a window is open: every event by itself, in the order in which they happened.
#pragma once
#include "abi_types.h"

enum window_event_kind {
  WINDOW_UNFINISHED = 0,  // the program that claimed the record did not fill it: there is no such event
  WINDOW_ALLOCATED = 1,   // the block was returned to its caller
  WINDOW_FREED = 2,       // the block is about to be given back
  WINDOW_KEPT = 3,        // realloc failed: the last WINDOW_FREED of the block did not come about
  WINDOW_THREAD = 4,      // what the thread had done by then: at its first call in the window, and now and then
};

enum window_event_flags {
  WINDOW_STEPPED = 1,      // WINDOW_ALLOCATED: the call was left by a probed `ret`, which the kernel single-steps
  WINDOW_REALLOCATED = 2,  // WINDOW_FREED, WINDOW_ALLOCATED: by a call that resizes a block
};

// A block's events are in their order: it is allocated after the allocator has returned it, and freed before the
// allocator gets it back.
struct window_event {
  __u64 address;  // WINDOW_THREAD: CLOCK_MONOTONIC, ns
  __u64 caller;   // WINDOW_FREED: where the call returns to; WINDOW_THREAD: as of when its CPU time is, ns by a clock of
                  // the processor
  __u64 size;     // WINDOW_ALLOCATED: bytes as requested; WINDOW_THREAD: its CPU time, ns, as of the last tick or switch
  __u32 chunk;    // bytes that glibc has for it, header included, low 32 bits; 0: not known, or another allocator
  __u32 site;     // WINDOW_ALLOCATED: index into `site_records`; WINDOW_THREAD: processor
  __u32 process;  // process id
  __u32 thread;   // thread id, as the kernel numbers it
  __u32 kind;     // enum window_event_kind, written last
  __u32 flags;    // enum window_event_flags
};
ABI_ASSERT_SIZE(struct window_event, 48);

// The only entry of `window`, mapped by both sides.
struct window_state {
  __u32 number;     // of the window that is open, 0: none is. Programs set it to 0 when the allowance is used up
  __u32 allowance;  // events that are recorded at most
  __u32 claimed;    // events so far, those beyond the allowance included
  __u32 timed;      // runs of programs that were timed, some of all
  __u64 program_nanoseconds;  // that those took
  // The first and the last run while no window was open, CLOCK_MONOTONIC, ns; 0: there was none. Targets are slow from
  // the first breakpoint to the last.
  __u64 first_outside;
  __u64 last_outside;
};
ABI_ASSERT_SIZE(struct window_state, 40);

// A run that took longer was interrupted.
enum { WINDOW_LONGEST_RUN = 20000 };
// One run in so many is timed; a power of two.
enum { WINDOW_TIMED_RUN = 16 };
// A WINDOW_THREAD comes after so many runs of a thread; a power of two.
enum { WINDOW_THREAD_RUNS = 64 };
