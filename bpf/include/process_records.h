// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What is counted per process and not per site.
#pragma once
#include "abi_types.h"

// Reasons why an event was not counted; the index into `lost`.
enum loss_reason {
  LOSS_BLOCK_TABLE_FULL,
  LOSS_STACK_TABLE_FULL,
  LOSS_THREAD_STATE,
  LOSS_NESTING,
  LOSS_SKIPPED_RETURN,
  LOSS_MISSED_FREE,
  LOSS_EVENT_RING_FULL,
  LOSS_ADDRESS_OUT_OF_RANGE,
  LOSS_PROCESS_TABLE_FULL,
  LOSS_UNREADABLE_RESULT,
  LOSS_BLOCK_LIMIT,
  LOSS_STACK_LIMIT,
  LOSS_REASONS,
};
enum { LOSS_SLOTS = 16 };

enum { PROCESS_INHERITED_HEAP = 1 };

// One incarnation of a process: fork and exec begin a new one. Record 0 takes losses of unknown processes.
// Ids are given out anew when user space has read what an ended process left behind: see `free_processes`.
struct process_record {
  __u32 tgid;
  __u32 flags;             // PROCESS_INHERITED_HEAP: a forked child that has not called exec
  __u32 parent;            // the process id it was forked from or that it was before exec, 0: none
  __u32 generation;        // of its code, raised when some is taken away; part of every stack hash
  __u64 code_slice;        // its part of `code_mappings`: first index, count << 32
  __u32 code_generation;   // the generation that `code_slice` is complete for
  __u32 code_events;       // 1: EVENT_CODE was sent, and user space has not begun to read the mappings since
  __s32 deferrals;         // stacks that user space will still walk to their ends though no library was loaded
  __u32 stacks;            // slots of `stack_table` that it has taken
  __u32 sharers;           // other processes that run in its address space and count as it, after vfork
  __u32 calls;             // of allocators, while every one is counted, give or take CALL_BATCH of each thread; wraps
  __s64 live_blocks;       // in `block_table`, give or take LIVE_BATCH of each thread
  __u64 allocations;       // allocator calls that returned a block, counted with `only_allocation` only
  __u64 unknown_frees;     // of blocks that were there before
  __u64 inherited_frees;   // of blocks that a forked child has from its parent
  __u64 failed_calls;      // allocator calls that returned NULL
  __u64 children;          // forks seen, followed or not
  __u64 lost[LOSS_SLOTS];  // by enum loss_reason
};
ABI_ASSERT_SIZE(struct process_record, 224);
