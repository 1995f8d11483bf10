// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// State of one thread: the calls it is inside of, and scratch space for its stack.
//
// It lives in task storage, not in a per-CPU slot: uprobe programs are preemptible, so another thread may run
// the same program on the same CPU in between. The kernel frees it when the thread ends.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "losses.bpf.h"

enum { CALL_FRAMES = 8 };
enum { FRAME_HAS_OLD_BLOCK = 1, FRAME_OLD_UNKNOWN = 2, FRAME_INTERNAL = 4 };

// One call between its entry and its return.
struct call_frame {
  u64 sp;       // stack pointer at entry: where the return address is
  u64 pointer;  // realloc: old block; posix_memalign: where the result goes; mappings: old start
  u64 size;     // requested bytes; mappings: length
  u32 kind;     // enum call_kind
  u32 flags;    // FRAME_…
  struct block_record old;  // realloc: the block that left the table at entry
};

enum { STACK_WINDOW_WORDS = 128 };

// A walk of the stack under way: the registers of the frame it has come to.
struct walk {
  u64 ip, sp, bp, bx;
  u64 bx_slot;       // where bx was saved last, 0: nowhere
  u64 cfa;           // of the frame, for the rarer rules
  u64 hash;          // of the frames so far
  u64 seed;          // stands for the process and the generation of its code
  u64 window_start;  // address that `window` was read from
  u32 process;       // process id
  u32 count;         // frames so far
  u32 ending;        // enum stack_ending
  u32 closable;      // not 0: a frame lies in a library that can be closed
};

struct thread_state {
  u64 epoch;     // of `control.targets_epoch` when `process` was looked up
  u32 process;   // process id, 0: not a target
  u32 depth;     // calls in `frames`
  s32 live_blocks;  // change of the process's since it was last told
  u32 window_number;  // of the window that its frames belong to; exact observation leaves it alone
  u32 calls;     // made while every one is counted
  u32 window_runs;  // of programs, in that window
  u64 last_key;  // block key of this thread's last allocation, for `temporary_blocks`; in windows, of its last free
  struct call_frame frames[CALL_FRAMES];
  struct walk walk;
  u64 window[STACK_WINDOW_WORDS];  // a part of the stack
  struct pt_regs caller;  // where the program stack, of 512 bytes for all functions together, has no room for it
  struct stack_event stack;
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct thread_state);
} thread_states SEC(".maps");

// This thread's state; NULL for threads of other processes, which get none. A failure is counted as a loss.
static __always_inline struct thread_state *current_thread(void) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct thread_state *thread = bpf_task_storage_get(&thread_states, task, 0, 0);
  if (thread) return thread;
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  u32 *process = bpf_map_lookup_elem(&targets, &tgid);
  if (!process) return 0;
  thread = bpf_task_storage_get(&thread_states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) count_loss(*process, LOSS_THREAD_STATE);
  return thread;
}

// A block was recorded (1) or is gone (-1). One addition for many, so that threads don't fight for the counter.
static __always_inline void count_live(struct thread_state *thread, u32 process, s32 change) {
  s32 total = thread->live_blocks + change;
  if (total >= LIVE_BATCH || total <= -LIVE_BATCH) {
    struct process_record *record = process_record_of(process);
    if (record) __sync_fetch_and_add(&record->live_blocks, total);
    total = 0;
  }
  thread->live_blocks = total;
}

// A call of an allocator. One addition for many, as above.
static __always_inline void count_call(struct thread_state *thread, u32 process) {
  if (++thread->calls & (CALL_BATCH - 1)) return;
  struct process_record *record = process_record_of(process);
  if (record) __sync_fetch_and_add(&record->calls, CALL_BATCH);
}

// This thread's process id, 0 if it is not a target. The answer is cached until user space changes the targets, or
// exec begins another program, which forgets it.
static __always_inline u32 current_process(struct thread_state *thread) {
  struct probe_control *c = control_block();
  if (!c) return 0;
  u64 epoch = c->targets_epoch;
  if (thread->epoch == epoch) return thread->process;
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  u32 *process = bpf_map_lookup_elem(&targets, &tgid);
  u32 found = process ? *process : 0;
  // Another program runs now, whose calls are its own; as long as it is the same one, its calls stay pending,
  // unless counting has begun anew.
  if (found != thread->process || thread->epoch >> 32 != epoch >> 32) {
    thread->depth = 0;
    thread->live_blocks = 0;
  }
  thread->process = found;
  thread->epoch = epoch;
  return thread->process;
}
