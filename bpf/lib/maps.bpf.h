// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Every map, with who writes it. Arrays are mapped by user space: reading them costs no system call.
// The objects share them by name; sizes marked `user space` are set before loading.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "abi_types.h"
#include "block_table.h"
#include "events.h"
#include "process_records.h"
#include "settings.h"
#include "site_records.h"

#define MAPPED_ARRAY(name, value_type)       \
  struct {                                   \
    __uint(type, BPF_MAP_TYPE_ARRAY);        \
    __uint(map_flags, BPF_F_MMAPABLE);       \
    __uint(max_entries, 1); /* user space */ \
    __type(key, u32);                        \
    __type(value, value_type);               \
  } name SEC(".maps")

MAPPED_ARRAY(block_table, struct block_bucket);      // allocations; user space removes blocks of ended processes
MAPPED_ARRAY(stack_table, struct stack_bucket);      // allocations
MAPPED_ARRAY(site_records, struct site_record);      // allocations
MAPPED_ARRAY(process_records, struct process_record);  // all
MAPPED_ARRAY(control, struct probe_control);         // lifecycle and user space

// Thread group id → process id, for targets only; 0: never to be observed, nor are its children.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);  // user space
  __type(key, u32);
  __type(value, u32);
} targets SEC(".maps");

// Process ids to be used again; when there are none, `last_process_id` has the next.
struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, 1);  // user space
  __type(value, u32);
} free_processes SEC(".maps");

// enum program_choice of each program that user space was asked about.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8192);
  __type(key, struct program_key);
  __type(value, u32);
} programs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1);  // user space: a hundred deferred stacks, or some thousand others, take 8 MiB
} events SEC(".maps");

// fork, exec and exit, which stacks may not crowd out. User space orders both by time.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} process_events SEC(".maps");

const volatile struct probe_settings settings = {};

static __always_inline struct probe_control *control_block(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&control, &zero);
}
