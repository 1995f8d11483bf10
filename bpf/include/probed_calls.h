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
  CALL_RESIZE = 14,         // (block, size, extra): in place; returns the bytes that the block has then
  CALL_STRING = 15,         // (string, …): returns a copy of it
  CALL_RETURN = 16,         // no call: a `ret` of a function with CALL_MAY_THROW
  CALL_EXCEPTION = 17,      // a C++ exception is about to be thrown, past pending calls with CALL_MAY_THROW; no return half
};

// The attach cookie: the kind of call in the low 8 bits, traits of the function above them; with CALL_CODE_CHANGE the
// distance in bytes, signed, from the probe point to the loader's `struct r_debug` (link.h) in the bits from 8 on.
enum { COOKIE_KIND_BITS = 8 };
enum call_trait {
  CALL_ON_HEAP = 1 << 8,           // an argument that says on which heap comes before the others
  CALL_FREES_ON_FAILURE = 1 << 9,  // reallocf(3) of BSD: a call that fails frees the old block
  CALL_MAY_THROW = 1 << 10,        // a return probe would end an exception: its `ret` instructions are probed instead
  CALL_CHUNK_BEFORE_BLOCK = 1 << 11,  // glibc: the size of a block's chunk lies before the block
};

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
#define MAP_RULES "rule_cache"
#define MAP_WINDOW "window"
#define MAP_WINDOW_EVENTS "window_events"
