// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#define _GNU_SOURCE
#include "stack_walks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "native_programs.h"

enum { PROCESS = 1, PAGE_BYTES = 4096 };

static u32 table_count, mapping_count;

// With one page behind that nothing can touch.
static u64 mapped_bytes(u64 bytes) { return (bytes + 2 * PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES; }

void logic_code_reset(void) {
  for (u32 i = 0; i < table_count; i++) {
    u64 bytes = native_tables[i].line_count * sizeof(struct unwind_line);
    munmap((char *)native_tables[i].lines + bytes + PAGE_BYTES - mapped_bytes(bytes), mapped_bytes(bytes));
  }
  table_count = mapping_count = 0;
  memset(native_tables, 0, sizeof native_tables);
  memset(native_mappings, 0, sizeof native_mappings);
  memset(native_processes, 0, sizeof native_processes);
  memset(native_rules, 0, sizeof native_rules);
  settings.keeps_rules = 1;
}

uint32_t logic_add_table(const uint32_t *words, uint32_t count) {
  u64 bytes = count * sizeof *words, mapped = mapped_bytes(bytes);
  if (table_count == NATIVE_TABLES || bytes % sizeof(struct unwind_line)) abort();
  char *memory = mmap(0, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *guard = memory + mapped - PAGE_BYTES;
  if (memory == MAP_FAILED || mprotect(guard, PAGE_BYTES, PROT_NONE)) abort();
  memcpy(guard - bytes, words, bytes);
  native_tables[table_count] =
      (struct native_table){bytes / sizeof(struct unwind_line), (struct unwind_line *)(guard - bytes)};
  return table_count++;
}

void logic_add_code(uint64_t start, uint64_t end, uint64_t base, uint32_t table, uint32_t kind) {
  if (mapping_count == NATIVE_MAPPINGS) abort();
  native_mappings[mapping_count++] =
      (struct code_mapping){.start = start, .end = end, .base = base, .table = table, .kind = kind};
  native_processes[PROCESS].code_slice = (u64)mapping_count << 32;
}

void logic_set_generations(uint32_t current, uint32_t known) {
  native_processes[PROCESS].generation = current;
  native_processes[PROCESS].code_generation = known;
}

void logic_keep_rules(int keeps) { settings.keeps_rules = keeps; }

uint64_t logic_rule_in_table(uint32_t table, uint32_t relative) { return rule_in_table(table, relative); }

struct logic_walk logic_walk_stack(struct logic_registers registers, const uint64_t *words, uint64_t start,
                                   uint64_t byte_count, uint64_t *frames) {
  static struct thread_state thread;
  struct pt_regs context = {.ip = registers.ip, .sp = registers.sp, .bp = registers.bp, .bx = registers.bx};
  native_memory.start = start, native_memory.byte_count = byte_count, native_memory.bytes = (const u8 *)words;
  memset(&thread, 0xa5, sizeof thread);  // of the walk before
  u64 hash = walk_stack(&thread, PROCESS, native_processes[PROCESS].generation, &context);
  memcpy(frames, thread.stack.frames, thread.stack.frame_count * sizeof *frames);
  return (struct logic_walk){hash, thread.stack.frame_count, thread.stack.ending};
}
