// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The decisions of the kernel programs, compiled for user space from the very headers in bpf/lib;
// those about stacks are in stack_walks.h.
#pragma once
#include <stdint.h>

// ---- hashing.h ----

uint64_t logic_mix(uint64_t hash, uint64_t value);
uint32_t logic_bucket_index(uint32_t hash, uint32_t count);
uint64_t logic_block_key(uint32_t process, uint64_t address);
int logic_block_address_fits(uint64_t address);
uint32_t logic_log2_bucket(uint64_t value, uint32_t buckets);

// ---- block_table.bpf.h ----

struct logic_block {
  uint64_t size;
  uint32_t site;  // ≥ 1
  uint32_t born;
};

enum logic_insertion { LOGIC_INSERTED, LOGIC_REPLACED, LOGIC_TABLE_FULL };

// Replaces the one table there is by an empty one. Not while other threads use it.
void logic_table_reset(uint32_t bucket_count);
int logic_insert(uint64_t key, struct logic_block block, struct logic_block *_Nonnull replaced);
// 0: it was not there.
int logic_remove(uint64_t key, struct logic_block *_Nonnull removed);
// The blocks in the table, by reading all of it.
uint64_t logic_table_count(void);
// Slots that hold a key without a record or a record without a key.
uint64_t logic_table_half_written(void);
// The block of a key, found by reading the whole table. 0: it is not there, −1: more than once.
int logic_table_find(uint64_t key, struct logic_block *_Nonnull found);

// ---- sites.bpf.h ----

void logic_stacks_reset(uint32_t bucket_count);
// The site of a stack's hash, 0: the table is full.
uint32_t logic_site_of_hash(uint64_t hash);

// ---- Threads ----

struct logic_stress {
  uint32_t threads;
  uint32_t milliseconds;
  uint32_t buckets;
  uint32_t keys;           // addresses that threads hand to one another, all of them live at most
  uint32_t replaces;       // 1: some blocks are put in again without having been taken out
  uint32_t readers;        // threads that read the table meanwhile
};

struct logic_stress_outcome {
  uint64_t insertions, removals, replacements;
  uint64_t lost;           // blocks that found no room
  uint64_t wrong_results;  // an operation returned what it must not
  uint64_t wrong_contents; // at the end: blocks missing, too many, or with another record
  uint64_t blocks_read, torn_reads;
};

// Takes blocks from a shared pool, as an allocator gives out addresses, inserts them, and some time later
// removes them and gives the address back, for whichever thread asks next.
struct logic_stress_outcome logic_stress_blocks(struct logic_stress stress);

struct logic_site_stress_outcome {
  uint64_t hashes;       // distinct ones
  uint64_t full;         // that found no slot
  uint64_t disagreements;  // a hash with two sites, or a site with two hashes
};

// All threads look up the same hashes at the same time, each in another order.
struct logic_site_stress_outcome logic_stress_sites(uint32_t threads, uint32_t hashes, uint32_t buckets);
