// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Stacks and what was counted for each.
#pragma once
#include "abi_types.h"

enum { STACK_BUCKET_SLOTS = 8, STACK_MAX_FRAMES = 256 };

// Hashes of known stacks. The slot's number + 1 (bucket * 8 + slot + 1) is the stack's dense id.
struct stack_bucket {
  __u64 hashes[STACK_BUCKET_SLOTS];
};
ABI_ASSERT_SIZE(struct stack_bucket, 64);

enum { AGE_BUCKETS = 24, SIZE_BUCKETS = 24 };
enum { SITE_PUBLISHED = 1 };

// Counters of one stack of one process. All only grow. How many blocks were allocated and freed is the sum of each
// histogram.
struct site_record {
  __u64 allocated_bytes;
  __u64 freed_bytes;
  __u64 temporary_blocks;               // freed by the same thread's next call
  __u32 process;                        // process id, 0: not in use
  __u32 flags;                          // SITE_PUBLISHED: its frames were handed over
  __u64 freed_by_age[AGE_BUCKETS];      // [0] < 2 ticks, [i] < 2 ticks << i, the last one everything older
  __u64 allocated_by_size[SIZE_BUCKETS];  // [0] ≤ 1 byte, [i] < 2 << i bytes, the last one everything larger
};
ABI_ASSERT_SIZE(struct site_record, 416);
