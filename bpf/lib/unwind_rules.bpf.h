// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// From an address in code to the rule by which its frame is unwound.
//
// 1. `rule_cache` has the rules of addresses that were looked up before; a walk finds nearly all of its there.
// 2. Otherwise the mapping that the address lies in is searched among those of the process, and the address in the
//    mapping's table (`unwind_tables.h`).
//
// The cache is shared by all threads and needs no lock: an entry holds `key ^ rule` beside `rule`, so one that two
// threads have written at the same time matches no key. A key is made of the address, the process and the
// generation of its mappings, so an entry never has to be removed.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "hashing.h"
#include "losses.bpf.h"
#include "unwind_tables.h"

// An address in no known mapping; beside enum unwind_rule_kind, never in a table.
enum { UNWIND_UNKNOWN_CODE = 15 };

// Set in a rule as it is handed out, where the step was: the code may go away before the process does.
enum { RULE_IN_CLOSABLE_CODE = 1 << UNWIND_STEP_SHIFT };

struct unwind_table_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(u32));  // of types that no variable has, BTF keeps only the name
  __uint(value_size, sizeof(struct unwind_line));
};

// One table for each executable file; user space puts them in and takes them out.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);  // user space
  __type(key, u32);
  __array(values, struct unwind_table_map);
} unwind_tables SEC(".maps");

MAPPED_ARRAY(code_mappings, struct code_mapping);  // user space

enum { RULE_CACHE_BITS = 16 };

struct cached_rule {
  u64 check;  // key ^ rule
  u64 rule;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1 << RULE_CACHE_BITS);
  __type(key, u32);
  __type(value, struct cached_rule);
} rule_cache SEC(".maps");

static __always_inline u32 rule_kind(u64 rule) { return rule & 15; }
static __always_inline s32 rule_offset(u64 rule) { return (s64)rule >> 32; }

static __always_inline struct unwind_line *table_line(void *table, u32 index) {
  u32 line = index / UNWIND_LINE_WORDS;
  return bpf_map_lookup_elem(table, &line);
}

// A word of a table; one that lies outside reads as 0.
static __always_inline u32 table_word(void *table, u32 index) {
  struct unwind_line *line = table_line(table, index);
  asm volatile("" : "+r"(index));
  return line ? line->words[index & (UNWIND_LINE_WORDS - 1)] : 0;
}

// The rule for an address relative to the table's first page. A table that contradicts itself gives a wrong rule,
// never a wrong access.
__noinline u64 rule_in_table(u32 table_index, u32 relative) {
  void *table = bpf_map_lookup_elem(&unwind_tables, &table_index);
  if (!table) return UNWIND_UNKNOWN_CODE;
  struct unwind_line *first = table_line(table, 0);
  if (!first) return UNWIND_UNKNOWN_CODE;
  struct unwind_header *header = (void *)first->words;
  u32 page = relative >> UNWIND_PAGE_SHIFT, place = relative & ((1 << UNWIND_PAGE_SHIFT) - 1);
  u32 rows = header->rows, rules = header->rules;
  if (page >= header->page_count) return UNWIND_NONE;

  u32 start = table_word(table, header->directory + page), low = start;
  u32 high = table_word(table, header->directory + page + 1);
  for (int i = 0; i <= UNWIND_PAGE_SHIFT && low < high; i++) {
    u32 middle = low + (high - low) / 2;
    if ((table_word(table, rows + middle) & 0xffff) <= place) low = middle + 1;
    else high = middle;
  }
  if (!low) return UNWIND_NONE;
  u32 row = table_word(table, rows + low - 1);
  u32 index = rules + 2 * (row >> 16);
  struct unwind_line *line = table_line(table, index);
  asm volatile("" : "+r"(index));
  index &= UNWIND_LINE_WORDS - 2;
  if (!line) return UNWIND_NONE;
  u64 rule = line->words[index] | (u64)line->words[index + 1] << 32;

  u32 step = rule >> UNWIND_STEP_SHIFT & 3;
  if (!step) return rule;
  // A row of an earlier page lies far enough back, as no table has a step across a page border.
  if (low == start || place - (row & 0xffff) >= step) rule += (u64)(rule & UNWIND_STEP_IS_POP ? -8 : 8) << 32;
  return rule & ~(u64)(3 << UNWIND_STEP_SHIFT | UNWIND_STEP_IS_POP);
}

// Searches the mappings of a process, then the table of the mapping. The rule goes into the cache.
//
// While code was taken away and user space does not know yet what is there now, only mappings count that stay as long
// as the process does.
__noinline u64 find_rule(u32 process, u64 address, u64 key) {
  struct process_record *record = process_record_of(process);
  if (!record) return UNWIND_UNKNOWN_CODE;
  u32 generation = *(volatile u32 *)&record->code_generation;  // before the slice that it vouches for
  u64 slice = *(volatile u64 *)&record->code_slice;
  u32 low = slice, high = low + (slice >> 32);
  struct code_mapping *mapping = 0;
  for (int i = 0; i < 20 && low < high; i++) {
    u32 middle = low + (high - low) / 2;
    mapping = bpf_map_lookup_elem(&code_mappings, &middle);
    if (!mapping) return UNWIND_UNKNOWN_CODE;
    if (address < mapping->start) high = middle;
    else if (address >= mapping->end) low = middle + 1;
    else break;
  }
  if (!mapping || address < mapping->start || address >= mapping->end) return UNWIND_UNKNOWN_CODE;
  u32 kind = mapping->kind;
  if (generation != record->generation && !(kind & CODE_PERMANENT)) return UNWIND_UNKNOWN_CODE;
  u64 rule = kind & 15;
  if (rule == UNWIND_RSP) rule = rule_in_table(mapping->table, address - mapping->base);
  if (rule_kind(rule) == UNWIND_UNKNOWN_CODE) return rule;
  if (!(kind & CODE_PERMANENT)) rule |= RULE_IN_CLOSABLE_CODE;
  u32 index = key >> (64 - RULE_CACHE_BITS);
  struct cached_rule *cached = bpf_map_lookup_elem(&rule_cache, &index);
  if (cached) {
    cached->check = key ^ rule;
    cached->rule = rule;
  }
  return rule;
}

// The rule that was found for a key before; UNWIND_NONE without flags if there is none at hand.
static __always_inline u64 kept_rule(u64 key) {
  u32 index = key >> (64 - RULE_CACHE_BITS);
  struct cached_rule *cached = bpf_map_lookup_elem(&rule_cache, &index);
  if (!cached || !settings.keeps_rules) return 0;
  u64 rule = cached->rule;
  return (cached->check ^ rule) == key ? rule : 0;
}

// `seed` stands for the process and the generation of its code.
static __always_inline u64 rule_of(u32 process, u64 address, u64 seed) {
  u64 key = mix64(seed, address);
  u64 rule = kept_rule(key);
  return rule ? rule : find_rule(process, address, key);
}
