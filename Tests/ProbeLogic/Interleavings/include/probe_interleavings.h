// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Runs two calls of bpf/lib/block_table.bpf.h in every order of their memory accesses, as far as that is feasible.
#pragma once
#include <stdint.h>

// Reading is of the whole table, as user space does it.
enum interleaving_step { STEP_NONE, STEP_INSERT, STEP_REMOVE, STEP_READ };

// What one thread does, one after the other, with a key of its own that may lie in either bucket.
struct interleaved_thread {
  uint32_t first_bucket;  // the first choice of its key, 0 or 1
  enum interleaving_step steps[3];
};

struct interleaving {
  uint32_t filled;            // other blocks that are in the table of two buckets before
  uint32_t maximum_switches;  // from one thread to the other before it has ended
  struct interleaved_thread threads[2];
};

struct interleaving_outcome {
  uint64_t orders;
  uint64_t failures;      // orders that end with another table than the calls' results say
  uint64_t torn;          // orders in which a record was read that nobody wrote
  uint64_t full;          // insertions that found no room
  uint64_t longest;       // memory accesses in one order
};

struct interleaving_outcome explore_interleavings(struct interleaving plan);
