// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What a probed function does, as far as counting is concerned: the attach cookie of its probe.
#pragma once
#include "abi_types.h"

enum call_kind {
  ANY_CALL = 0,             // none of those below: whichever is pending
  CALL_MALLOC = 1,          // (size); also valloc and pvalloc
  CALL_CALLOC = 2,          // (count, size)
  CALL_REALLOC = 3,         // (block, size)
  CALL_REALLOCARRAY = 4,    // (block, count, size)
  CALL_MEMALIGN = 5,        // (alignment, size); also aligned_alloc
  CALL_POSIX_MEMALIGN = 6,  // (result, alignment, size), 0 on success
  CALL_FREE = 7,            // (block, …); no return half
  CALL_MMAP = 8,            // (address, length, protection, flags, …)
  CALL_MUNMAP = 9,          // (address, length)
  CALL_MREMAP = 10,         // (address, old length, new length, …)
  CALL_BRK = 11,            // brk(address) and sbrk(increment): the break is read, not the argument
  CALL_LONGJMP = 12,        // leaves pending calls for good; no return half
  CALL_CODE_CHANGE = 13,    // the dynamic loader is about to load or close libraries, or has done so; no return half
};

// The attach cookie: the kind of call in the low 8 bits; with CALL_CODE_CHANGE the distance in bytes, signed, from the
// probe point to the loader's `struct r_debug` (link.h) in the bits from 8 on.
enum { COOKIE_KIND_BITS = 8 };

// Maps of the programs, named once for both sides; BPF limits names to 15 characters.
#define MAP_BLOCKS "block_table"
#define MAP_STACKS "stack_table"
#define MAP_SITES "site_records"
#define MAP_PROCESSES "process_records"
#define MAP_TARGETS "targets"
#define MAP_FREE_PROCESSES "free_processes"
#define MAP_PROGRAMS "programs"
#define MAP_THREADS "thread_states"
#define MAP_CONTROL "control"
#define MAP_EVENTS "events"
#define MAP_PROCESS_EVENTS "process_events"
#define MAP_UNWIND_TABLES "unwind_tables"
#define MAP_CODE "code_mappings"
