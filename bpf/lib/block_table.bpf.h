// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The table of live blocks: two buckets per key, eight slots each, nothing ever moves.
//
// Why it is safe without locks. Calls for one key never run at the same time: a block enters the table after
// the allocator returned it and leaves before the allocator gets it back, so the allocator itself orders them.
// Different keys only compete for empty slots, which are claimed by compare-and-swap on the key. The record is
// written after the claim, its `site` last; on removal the record is cleared before the key. So a reader of the
// mapped memory that reads key, site and birth, size, and then finds site and birth and the key unchanged, has
// seen a whole record. The key alone proves nothing: its block may have left and come back in between.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "hashing.h"
#include "losses.bpf.h"
#include "maps.bpf.h"

struct block_place {
  struct block_bucket *bucket;
  u32 slot;
};

static __always_inline struct block_bucket *block_bucket_at(u32 hash) {
  u32 index = bucket_index(hash, settings.block_bucket_count);
  return bpf_map_lookup_elem(&block_table, &index);
}

static __always_inline int slot_of_key(struct block_bucket *bucket, u64 key) {
#pragma unroll
  for (int i = 0; i < BLOCK_BUCKET_SLOTS; i++)
    if (bucket->keys[i] == key) return i;
  return -1;
}

// Site and birth lie in one word so that they appear and vanish together.
static __always_inline volatile u64 *site_and_born(struct block_record *record) {
  return (volatile u64 *)&record->site;
}

static __always_inline void write_record(struct block_record *to, struct block_record *from) {
  *(volatile u64 *)&to->size = from->size;
  *site_and_born(to) = *site_and_born(from);
}

// Takes a block out of the table. 0: it was not there.
__noinline int remove_block(u64 key, struct block_record *removed) {
  if (!removed) return 0;
  u64 hash = mix64(0, key);
#pragma unroll
  for (int choice = 0; choice < 2; choice++) {
    struct block_bucket *bucket = block_bucket_at(choice ? hash >> 32 : hash);
    if (!bucket) return 0;
    int slot = slot_of_key(bucket, key);
    if (slot < 0) continue;
    slot &= BLOCK_BUCKET_SLOTS - 1;
    removed->size = bucket->records[slot].size;
    *site_and_born(removed) = *site_and_born(&bucket->records[slot]);
    *site_and_born(&bucket->records[slot]) = 0;
    *(volatile u64 *)&bucket->keys[slot] = 0;
    return 1;
  }
  return 0;
}

static __always_inline int claim_slot(struct block_bucket *bucket, u64 key) {
#pragma unroll
  for (int i = 0; i < BLOCK_BUCKET_SLOTS; i++)
    if (!bucket->keys[i] && !__sync_val_compare_and_swap(&bucket->keys[i], 0, key)) return i;
  return -1;
}

// Counted without branches: the verifier would follow each combination.
static __always_inline u64 used_slots(struct block_bucket *bucket) {
  u64 count = 0;
#pragma unroll
  for (int i = 0; i < BLOCK_BUCKET_SLOTS; i++) {
    u64 key = bucket->keys[i], occupied = key;
    asm volatile("%0 = -%0; %0 |= %1; %0 >>= 63" : "+&r"(occupied) : "r"(key));
    count += occupied;
  }
  return count;
}

enum block_insertion { BLOCK_INSERTED, BLOCK_REPLACED, BLOCK_TABLE_FULL };

// Puts a block in. BLOCK_REPLACED: the key was there already, `replaced` is what it held.
__noinline int insert_block(u64 key, struct block_record *record, struct block_record *replaced) {
  if (!record || !replaced) return BLOCK_TABLE_FULL;
  u64 hash = mix64(0, key);
  struct block_bucket *first = block_bucket_at(hash), *second = block_bucket_at(hash >> 32);
  if (!first || !second) return BLOCK_TABLE_FULL;
  struct block_bucket *bucket = first;
  int slot = slot_of_key(first, key);
  if (slot < 0) slot = slot_of_key(bucket = second, key);
  if (slot >= 0) {
    slot &= BLOCK_BUCKET_SLOTS - 1;
    replaced->size = bucket->records[slot].size;
    *site_and_born(replaced) = *site_and_born(&bucket->records[slot]);
    *site_and_born(&bucket->records[slot]) = 0;
    write_record(&bucket->records[slot], record);
    return BLOCK_REPLACED;
  }
  if (used_slots(first) <= used_slots(second)) bucket = first;
  slot = claim_slot(bucket, key);
  if (slot < 0) slot = claim_slot(bucket = bucket == first ? second : first, key);
  if (slot < 0) return BLOCK_TABLE_FULL;
  write_record(&bucket->records[slot & (BLOCK_BUCKET_SLOTS - 1)], record);
  return BLOCK_INSERTED;
}

// The kernel's jiffies: a plain load, where a clock costs as much as walking five frames.
static __always_inline u32 now_in_ticks(void) { return bpf_jiffies64(); }

// Raises the counters of the site whose block is gone.
static __always_inline void count_freed(struct block_record *block) {
  u32 site = block->site;  // a key may lie in any memory since Linux 6.2 (d1673304097c), on the stack always
  struct site_record *record = bpf_map_lookup_elem(&site_records, &site);
  if (!record) return;
  __sync_fetch_and_add(&record->freed_bytes, block->size);
  u32 age = now_in_ticks() - block->born;
  u32 bucket = log2_bucket(age, AGE_BUCKETS);
  if (bucket < AGE_BUCKETS) __sync_fetch_and_add(&record->freed_by_age[bucket], 1);
}

// A block that had left the table is live after all. Without room it counts as freed, and as lost.
static __always_inline void put_back_block(u32 process, u64 address, struct block_record *block) {
  struct block_record replaced = {};
  if (insert_block(block_key(process, address), block, &replaced) != BLOCK_TABLE_FULL) return;
  count_freed(block);
  count_loss(process, LOSS_BLOCK_TABLE_FULL);
}
