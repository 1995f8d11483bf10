// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What user space decides before the programs are loaded (read-only data: the verifier sees constants).
#pragma once
#include "abi_types.h"

enum probe_scope {
  SCOPE_NAMED = 0,     // what user space makes a target, and its children with `follow_children`
  SCOPE_ALL = 1,       // every process
  SCOPE_CGROUP = 2,    // the processes of a cgroup and those below it
  SCOPE_PROGRAMS = 3,  // the programs that user space has chosen: see struct program_key
};

struct probe_settings {
  __u32 block_bucket_count;  // buckets of `block_table`
  __u32 stack_bucket_count;  // buckets of `stack_table`
  __u32 process_capacity;    // entries of `process_records`, id 0 unused
  __u32 follow_children;     // 1: a forked child of a target becomes a target
  __u64 minimum_size;        // smaller requests are not recorded, bytes
  __u32 keeps_rules;         // 0: every unwind rule is searched anew, to measure what `rule_cache` is good for
  __u32 scope;               // enum probe_scope
  __u64 only_allocation;     // only the call with this number, from 1 on, is recorded; 0: all are
  __u64 cgroup;              // SCOPE_CGROUP: its id in the unified hierarchy (cgroups(7)), the inode of its folder
  __u32 cgroup_level;        // how far it is below the root, which is at level 0
  __u32 stack_limit;         // stacks that one process may have at a time
  __u64 block_limit;         // live blocks that one process may have, give or take LIVE_BATCH of each of its threads
};
ABI_ASSERT_SIZE(struct probe_settings, 64);

// A thread adds to its process's live blocks after so many.
enum { LIVE_BATCH = 64 };
// It tells of its calls after so many; a power of two.
enum { CALL_BATCH = 32 };

// A program as exec starts it. The name alone would do for few: scripts share their interpreter's file, and links a name.
struct program_key {
  char name[16];  // of the task, ends with 0
  __u64 inode;    // of the executable
  __u32 device;   // as the kernel numbers it: major << 20 | minor
  __u32 reserved;
};
ABI_ASSERT_SIZE(struct program_key, 32);

enum program_choice { PROGRAM_OBSERVED = 1, PROGRAM_IGNORED = 2 };

// What user space changes while the programs run (one entry of `control`, mapped by both sides).
struct probe_control {
  // Raised after every change of `targets` by user space; threads cache their answer per epoch. The upper half is
  // raised when counting begins anew: calls that were pending before have come back unseen.
  __u64 targets_epoch;
  __u32 last_process_id;   // the highest process id given out; raised atomically by both sides
  __u32 reserved;
};
ABI_ASSERT_SIZE(struct probe_control, 16);
