// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Rare facts, handed over through the ring buffers `events` and `process_events`. Counters never travel this way.
#pragma once
#include "abi_types.h"
#include "settings.h"
#include "site_records.h"

enum event_kind {
  EVENT_STACK = 1,    // struct stack_event: the frames of a new stack
  EVENT_MAPPING = 2,  // struct mapping_event
  EVENT_EXEC = 3,     // struct process_event
  EVENT_FORK = 4,
  EVENT_EXIT = 5,
  EVENT_CODE = 6,     // struct event_header: libraries were loaded or closed
  EVENT_DEFERRED_STACK = 7,  // struct deferred_stack_event: a new stack that user space has to walk to its end
  EVENT_PROGRAM = 8,  // struct program_event: exec of a program that user space has not chosen or ignored yet
};

struct event_header {
  __u32 kind;     // enum event_kind
  __u32 process;  // process id
  __u64 time;     // CLOCK_MONOTONIC, ns
};

// Where a walk of the stack came to.
enum stack_ending {
  STACK_COMPLETE = 0,          // at the first frame of the thread
  STACK_UNKNOWN_CODE = 1,      // at an address in no known mapping
  STACK_NO_RULE = 2,           // in code without unwind information
  STACK_UNSUPPORTED_RULE = 3,  // in code whose unwind rule has no form here
  STACK_UNREADABLE = 4,        // at stack memory that can't be read
  STACK_TOO_DEEP = 5,          // after STACK_MAX_FRAMES frames
  STACK_BAD_FRAME = 6,         // at a frame that can't be one
  STACK_CODE_CHANGING = 7,     // in code so new that its rules are not here, more often than could be deferred
};

struct stack_event {
  struct event_header header;
  __u32 site;         // index into `site_records`
  __u32 frame_count;  // ≤ STACK_MAX_FRAMES
  __u32 ending;       // enum stack_ending
  __u32 generation;   // of the process's executable mappings when it was taken
  __u64 frames[STACK_MAX_FRAMES];  // innermost first: return addresses, or one more than an interrupted instruction's
};
ABI_ASSERT_SIZE(struct stack_event, 2080);

// A walk that came to code whose unwind rules are not here yet, with what is needed to go on. `stack_bytes` bytes of
// the stack follow, from `sp` on.
struct deferred_stack_event {
  struct event_header header;
  __u32 site;
  __u32 frame_count;  // the last one is where the walk has come to
  __u32 stack_bytes;  // ≤ DEFERRED_STACK_BYTES
  __u32 generation;
  __u64 sp, bp, bx;   // registers of the last frame
  __u64 frames[STACK_MAX_FRAMES];
};
ABI_ASSERT_SIZE(struct deferred_stack_event, 2104);
enum { DEFERRED_STACK_BYTES = 65536 };
// Enough for the first calls of a program, when nothing is known of its code yet and all its stacks are handed over.
enum { SHORT_DEFERRED_STACK_BYTES = 8192 };

enum mapping_operation {
  MAPPING_MAP = 1,    // [start, start + length) is mapped now, whatever was there before
  MAPPING_UNMAP = 2,  // [start, start + length) is gone
  MAPPING_MOVE = 3,   // mremap: [old_start, old_start + old_length) became [start, start + length)
  MAPPING_BREAK = 4,  // the program break moved from old_start to start
  MAPPING_RESTORE = 5,  // the call behind an earlier MAPPING_UNMAP of [start, start + length) failed
};
enum { MAPPING_INTERNAL = 1, MAPPING_ANONYMOUS = 2 };

struct mapping_event {
  struct event_header header;
  __u32 operation;  // enum mapping_operation
  __u32 flags;      // MAPPING_INTERNAL: done by the allocator itself, inside one of its calls
  __u64 start;
  __u64 length;
  __u64 old_start;
  __u64 old_length;
  __u32 site;       // the stack that did it, 0: not known
  __u32 reserved;
};
ABI_ASSERT_SIZE(struct mapping_event, 64);

enum { PROCESS_OUT_OF_MEMORY = 1, PROCESS_LEFT_SCOPE = 2 };

struct process_event {
  struct event_header header;  // header.process: the new incarnation (exec, fork) or the one that ended
  __u32 tgid;
  __u32 previous;              // the process id before exec, the parent's at fork, 0: it was no target
  char name[16];               // of the task, ends with 0; at exec the new program's
  __u32 status;                // at exit: as wait(2) gives it
  __u32 flags;                 // at exit: PROCESS_OUT_OF_MEMORY, chosen by the kernel to be killed; PROCESS_LEFT_SCOPE,
                               // it lives on as another program, which is not observed
  __u64 start_time;            // of the process, ns since boot (CLOCK_BOOTTIME): what tells it from others with its pid
};
ABI_ASSERT_SIZE(struct process_event, 56);

struct program_event {
  struct event_header header;
  __u32 tgid;
  __u32 reserved;
  struct program_key program;
};
ABI_ASSERT_SIZE(struct program_event, 56);
