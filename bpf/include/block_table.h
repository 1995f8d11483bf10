// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Live blocks: a two-choice hash table in a mapped array. Readers need no system call.
#pragma once
#include "abi_types.h"

enum { BLOCK_BUCKET_SLOTS = 8 };

// A block's key is its process id in the upper 20 bits and its address / 8 in the lower 44. 0 is an empty slot.
enum { BLOCK_KEY_ADDRESS_BITS = 44, BLOCK_ADDRESS_SHIFT = 3, BLOCK_PROCESS_BITS = 20 };

// What is known of one live block. `site` 0: the writer has claimed the slot and not yet filled it.
struct block_record {
  __u64 size;  // bytes as requested
  __u32 site;  // index into `site_records`
  __u32 born;  // ticks (jiffies), low 32 bits: wraps after 49 days with 1000 a second, 198 with 250
};
ABI_ASSERT_SIZE(struct block_record, 16);

// All keys lie in one cache line: a miss costs one line per bucket, a hit one more.
struct block_bucket {
  __u64 keys[BLOCK_BUCKET_SLOTS];
  struct block_record records[BLOCK_BUCKET_SLOTS];
};
ABI_ASSERT_SIZE(struct block_bucket, 192);
