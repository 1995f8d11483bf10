// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Decisions without helpers: the same code runs in the kernel and in native tests.
#pragma once
#include "abi_types.h"
#include "block_table.h"

// A call costs a kernel program more than most of what is called here, as each return may be slowed down on purpose
// (retpolines).
#define HASHING_INLINE inline __attribute__((always_inline))

static HASHING_INLINE __u64 mix64(__u64 hash, __u64 value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 29);
}

// A bucket from 32 bits of a hash, without a division: floor(hash / 2^32 * count).
static inline __u32 bucket_index(__u32 hash, __u32 count) { return (__u64)hash * count >> 32; }

// Which 32 bits of a stack's hash choose a bucket. Each of four choices is as good as independent, so a table
// of stacks fills to 62 % before the first one finds no room; all look in the same order.
enum { STACK_CHOICES = 4 };
static inline __u32 stack_choice(__u64 hash, int choice) {
  switch (choice) {
    case 0: return hash >> 32;
    case 1: return hash;
    case 2: return hash * 0xc2b2ae3d27d4eb4full >> 32;
    default: return hash * 0x165667b19e3779f9ull >> 32;
  }
}

static inline __u64 block_key(__u32 process, __u64 address) {
  return (__u64)process << BLOCK_KEY_ADDRESS_BITS | address >> BLOCK_ADDRESS_SHIFT;
}

// Whether `block_key` can tell this address from others.
static inline int block_address_fits(__u64 address) {
  return address >> (BLOCK_KEY_ADDRESS_BITS + BLOCK_ADDRESS_SHIFT) == 0;
}

// floor(log2(value)), 0 for 0, without a loop or a lookup table.
static HASHING_INLINE __u32 log2_floor(__u64 value) {
  __u32 result = 0, shift;
  shift = (value > 0xffffffffull) << 5, value >>= shift, result |= shift;
  shift = (value > 0xffff) << 4, value >>= shift, result |= shift;
  shift = (value > 0xff) << 3, value >>= shift, result |= shift;
  shift = (value > 0xf) << 2, value >>= shift, result |= shift;
  shift = (value > 0x3) << 1, value >>= shift, result |= shift;
  return result | value >> 1;
}

// The histogram bucket of a value: its log2, the last bucket takes all larger ones.
static HASHING_INLINE __u32 log2_bucket(__u64 value, __u32 buckets) {
  __u32 bucket = log2_floor(value);
  return bucket < buckets ? bucket : buckets - 1;
}
