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

static void *native_map_lookup(const void *map, const void *key) {
  u32 index = *(const u32 *)key;
  if (map == &block_table) return index < settings.block_bucket_count ? native_blocks + index : 0;
  if (map == &stack_table) return index < settings.stack_bucket_count ? native_stacks + index : 0;
  return 0;
}
