// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Walks of bpf/lib/stack_walk.bpf.h over memory of the test, in code of the test.
#pragma once
#include <stdint.h>

// Forgets all code, tables and rules at hand. There is one process, whose code has generation 0.
void logic_code_reset(void);
// Adds an unwind table, of whole lines: its number, from 0 on. Behind it lies memory that nothing can touch.
uint32_t logic_add_table(const uint32_t *_Nonnull words, uint32_t count);
// Adds a mapping above all others; `kind` as in struct code_mapping.
void logic_add_code(uint64_t start, uint64_t end, uint64_t base, uint32_t table, uint32_t kind);
// The generation of the code, and the one that the mappings are complete for.
void logic_set_generations(uint32_t current, uint32_t known);
// 0: rules are searched anew each time.
void logic_keep_rules(int keeps);

// `rule_in_table`: of an address relative to the table's first page.
uint64_t logic_rule_in_table(uint32_t table, uint32_t relative);

struct logic_registers {
  uint64_t ip, sp, bp, bx;
};

struct logic_walk {
  uint64_t hash;
  uint32_t frame_count;
  uint32_t ending;  // enum stack_ending
};

// Walks the stack that these words are. `byte_count` bytes of it can be read, from the address `start` on. `frames` has
// room for STACK_MAX_FRAMES.
struct logic_walk logic_walk_stack(struct logic_registers registers, const uint64_t *_Nonnull words,
                                   uint64_t start, uint64_t byte_count, uint64_t *_Nonnull frames);
