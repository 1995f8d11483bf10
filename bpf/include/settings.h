// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What user space decides before the programs are loaded (read-only data: the verifier sees constants).
#pragma once
#include "abi_types.h"

struct probe_settings {
  __u32 block_bucket_count;  // buckets of `block_table`
  __u32 stack_bucket_count;  // buckets of `stack_table`
  __u32 process_capacity;    // entries of `process_records`, id 0 unused
  __u32 follow_children;     // 1: a forked child of a target becomes a target
  __u64 minimum_size;        // smaller requests are not recorded, bytes
  __u32 keeps_rules;         // 0: every unwind rule is searched anew, to measure what `rule_cache` is good for
  __u32 reserved;
  __u64 only_allocation;     // only the call with this number, from 1 on, is recorded; 0: all are
};
ABI_ASSERT_SIZE(struct probe_settings, 40);

// What user space changes while the programs run (one entry of `control`, mapped by both sides).
struct probe_control {
  __u64 targets_epoch;     // raised after every change of `targets`; threads cache their answer per epoch
  __u32 last_process_id;   // the highest process id given out; raised atomically by both sides
  __u32 reserved;
};
ABI_ASSERT_SIZE(struct probe_control, 16);
