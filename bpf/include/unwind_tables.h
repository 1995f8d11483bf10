// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// How the frames of code without frame pointers are found: what `.eh_frame` says, compiled to a form that a kernel
// program can search.
//
// User space makes one table for each executable file; processes that map the file share it. A table is an array of
// 32-bit words:
//
//   word 0         struct unwind_header
//   directory      for each 64 KiB page of text the index of its first row, and one more: row_count
//   rows           ascending by address; low 16 bits: address within the page, high 16 bits: index of a rule
//   rules          two words each, low word first: see below
//
// A row is in force from its address to the next row's, over page borders if need be; a step never crosses one. Code without unwind
// information is covered by rows whose rule says so. Addresses are relative to the table's first page.
//
// A rule says how the caller's registers follow from those of a frame (DWARF 5, 6.4; System V x86-64 ABI, 3.6.2).
// CFA is the value of rsp before the call that made the frame was carried out; the return address is at CFA - 8.
//
//   bits 0-3    enum unwind_rule_kind: where the CFA is
//   bits 4-5    s, 0 … 3: from s bytes after the row's address the CFA is 8 bytes further from the register than
//               `offset` says; 0: nowhere. A push after a first row saves a second row.
//   bit 6       these 8 bytes are subtracted, not added: a pop
//   bit 7       the slot of rbp is at rbp + 8 * saved_rbp, not at CFA + 8 * saved_rbp
//   bits 8-15   saved_rbx: rbx was stored at CFA - 8 * saved_rbx; 0: it is unchanged; 255: it is lost
//   bits 16-31  saved_rbp, signed: where rbp was stored; 0 without bit 7: it is unchanged
//   bits 32-63  offset, signed bytes. With UNWIND_AT_RSP and UNWIND_AT_RBP two halves: signed bits 32-47 are added to the
//               register before the load, signed bits 48-63 to what was loaded.
#pragma once
#include "abi_types.h"

enum unwind_rule_kind {
  UNWIND_NONE = 0,      // no unwind information: the walk ends as truncated
  UNWIND_RSP = 1,       // CFA = rsp + offset
  UNWIND_RBP = 2,       // CFA = rbp + offset
  UNWIND_RBX = 3,       // CFA = rbx + offset
  UNWIND_AT_RSP = 4,    // CFA = *(rsp + low half) + high half
  UNWIND_AT_RBP = 5,    // CFA = *(rbp + low half) + high half
  UNWIND_PLT = 6,       // CFA = rsp + 8, 8 more where (ip & 15) >= offset: a lazy PLT entry that has pushed its number
  UNWIND_SIGNAL = 7,    // rsp points to a struct ucontext: the kernel interrupted the caller there (signal(7))
  UNWIND_END = 8,       // the first frame of a thread
  UNWIND_FRAME_POINTER = 9,  // no table: {saved rbp, return address} at rbp
  UNWIND_UNSUPPORTED = 10,   // there is a rule, but none of these forms
};

enum { UNWIND_PAGE_SHIFT = 16, UNWIND_LINE_WORDS = 16 };
enum { UNWIND_STEP_SHIFT = 4, UNWIND_STEP_IS_POP = 1 << 6, UNWIND_RBP_FROM_RBP = 1 << 7 };

// The first line of a table. Word indices count from the table's first word; `rules` is even.
struct unwind_header {
  __u32 page_count;
  __u32 directory;  // word index
  __u32 rows;       // word index
  __u32 row_count;
  __u32 rules;      // word index
  __u32 rule_count;
};
ABI_ASSERT_SIZE(struct unwind_header, 24);

// What a map of a table holds: a table is padded with zeros to whole lines.
struct unwind_line {
  __u32 words[UNWIND_LINE_WORDS];
};
ABI_ASSERT_SIZE(struct unwind_line, 64);

// The mapping stays as long as the process does, whatever libraries are closed.
enum { CODE_PERMANENT = 1 << 8 };

// One executable mapping of a process. Mappings of a process lie side by side in `code_mappings`, sorted by address.
struct code_mapping {
  __u64 start, end;
  __u64 base;   // address at which the table's first page is mapped
  __u32 table;  // index into `unwind_tables`; not used with UNWIND_FRAME_POINTER
  __u32 kind;   // UNWIND_RSP: has a table; UNWIND_FRAME_POINTER or UNWIND_NONE: has none; and CODE_PERMANENT
};
ABI_ASSERT_SIZE(struct code_mapping, 32);
