// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Stands in for libbpf's header of the same name: maps and helpers are those of the test.
#pragma once
#include "vmlinux.h"

#undef __always_inline  // libc has one of its own

#define SEC(name) __attribute__((weak))  // the maps' names stand for memory of the test, whichever file has them
#define __always_inline inline __attribute__((always_inline))
#define __noinline static __attribute__((noinline, unused))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[1]

// The entry of an array, NULL beyond its end and for maps that the test lacks.
static void *native_map_lookup(const void *map, const void *key);
#define bpf_map_lookup_elem native_map_lookup

static inline u64 bpf_ktime_get_ns(void) { return 0; }
static inline u64 bpf_jiffies64(void) { return 0; }
static inline u64 bpf_get_current_pid_tgid(void) { return 0; }
static inline struct task_struct *bpf_get_current_task_btf(void) { return 0; }
static inline void *bpf_task_storage_get(void *map, struct task_struct *task, void *value, u64 flags) { return 0; }
static inline struct task_struct *bpf_get_current_task(void) { return 0; }
// Memory of the process: what the test says it has.
static long native_read_user(void *to, u32 size, u64 from);
#define bpf_probe_read_user(to, size, from) native_read_user(to, size, (u64)(from))
static inline long bpf_probe_read_kernel(void *to, u32 size, const void *from) {
  __builtin_memcpy(to, from, size);
  return 0;
}
static inline void *bpf_ringbuf_reserve(const void *ring, u64 size, u64 flags) { return 0; }
static inline void bpf_ringbuf_submit(void *data, u64 flags) {}
static inline void bpf_ringbuf_discard(void *data, u64 flags) {}
// `bpf_loop`: calls a function with 0, 1, … until it returns 1.
#define bpf_loop(count, function, context, flags)                             \
  ({                                                                          \
    u32 turns = 0;                                                            \
    while (turns < (count) && !function(turns, (context))) turns++;           \
    turns;                                                                    \
  })
static inline long bpf_ringbuf_output(const void *ring, const void *data, u64 size, u64 flags) { return 0; }
