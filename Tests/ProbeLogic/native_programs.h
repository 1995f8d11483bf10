// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The headers of bpf/lib for user space, and the memory of their maps.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "abi_types.h"
#include "block_table.h"
#include "events.h"
#include "hashing.h"
#include "process_records.h"
#include "settings.h"
#include "site_records.h"

// The settings are read-only for the kernel programs; here they are chosen at run time, for each source file.
#define const static
#include "maps.bpf.h"
#undef const

// `used_slots` has BPF instructions for `occupied = key != 0`, the only assembly in this header.
#define asm
#define volatile(...) occupied = key != 0
#include "block_table.bpf.h"
#undef asm
#undef volatile

#define asm __asm__  // in ISO C, which SwiftPM asks for, it is no keyword

#include "sites.bpf.h"

static struct block_bucket *native_blocks;
static struct stack_bucket *native_stacks;

// A map inside of `unwind_tables`.
struct native_table {
  u32 line_count;
  struct unwind_line *lines;
};
enum { NATIVE_TABLES = 4, NATIVE_MAPPINGS = 64, NATIVE_PROCESSES = 4 };
static struct native_table native_tables[NATIVE_TABLES];
static struct code_mapping native_mappings[NATIVE_MAPPINGS];
static struct process_record native_processes[NATIVE_PROCESSES];
static struct cached_rule native_rules[1 << RULE_CACHE_BITS];

#define ENTRY(array, count) (index < (count) ? (void *)((array) + index) : 0)

static void *native_map_lookup(const void *map, const void *key) {
  u32 index = *(const u32 *)key;
  if (map == &block_table) return ENTRY(native_blocks, settings.block_bucket_count);
  if (map == &stack_table) return ENTRY(native_stacks, settings.stack_bucket_count);
  if (map == &process_records) return ENTRY(native_processes, NATIVE_PROCESSES);
  if (map == &code_mappings) return ENTRY(native_mappings, NATIVE_MAPPINGS);
  if (map == &rule_cache) return ENTRY(native_rules, 1 << RULE_CACHE_BITS);
  if (map == &unwind_tables) {
    struct native_table *table = ENTRY(native_tables, NATIVE_TABLES);
    return table && table->lines ? table : 0;
  }
  for (struct native_table *table = native_tables; table < native_tables + NATIVE_TABLES; table++)
    if (map == table) return ENTRY(table->lines, table->line_count);
  return 0;
}

// The memory of the process that is looked at.
static struct {
  u64 start, byte_count;
  const u8 *bytes;
} native_memory;

static long native_read_user(void *to, u32 size, u64 from) {
  u64 offset = from - native_memory.start;
  int is_readable = offset < native_memory.byte_count && size <= native_memory.byte_count - offset;
  if (is_readable) __builtin_memcpy(to, native_memory.bytes + offset, size);
  else __builtin_memset(to, 0, size);  // as the kernel does
  return is_readable ? 0 : -14;
}
