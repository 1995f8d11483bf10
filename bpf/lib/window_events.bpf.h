// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Appends to the events of the window that is open.
#pragma once
#include "maps.bpf.h"
#include "windows.h"

MAPPED_ARRAY(window, struct window_state);         // user space opens and closes, windows count
MAPPED_ARRAY(window_events, struct window_event);  // windows

static __always_inline struct window_state *window_block(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&window, &zero);
}

// The next event to be filled; NULL when the allowance is used up, which ends the window.
static __always_inline struct window_event *claim_event(void) {
  struct window_state *state = window_block();
  if (!state || !state->number) return 0;
  u32 index = __sync_fetch_and_add(&state->claimed, 1);
  if (index >= state->allowance) {
    state->number = 0;
    return 0;
  }
  return bpf_map_lookup_elem(&window_events, &index);
}

// glibc keeps the size of a chunk before its block, its low bits being flags (malloc/malloc.c: struct malloc_chunk).
static __always_inline u32 chunk_bytes(u64 cookie, u64 address) {
  u64 word = 0;
  if (!(cookie & CALL_CHUNK_BEFORE_BLOCK)) return 0;
  bpf_probe_read_user(&word, sizeof word, (void *)(address - sizeof word));
  return word & ~7ull;
}

static __always_inline void finish_event(struct window_event *event, u32 kind, u32 process, u64 address, u32 chunk) {
  event->address = address;
  event->chunk = chunk;
  event->process = process;
  event->thread = bpf_get_current_pid_tgid();
  *(volatile u32 *)&event->kind = kind;
}

static __always_inline void note_allocated(u32 process, u64 address, u64 size, u32 site, u64 cookie,
                                           u32 flags) {
  struct window_event *event = claim_event();
  if (!event) return;
  event->size = size;
  event->site = site;
  event->flags = flags;
  finish_event(event, WINDOW_ALLOCATED, process, address, chunk_bytes(cookie, address));
}

// At the entry of the call that frees: `sp` is where its return address is.
static __always_inline void note_freed(u32 process, u64 address, u64 sp, u64 cookie, u32 flags) {
  struct window_event *event = claim_event();
  if (!event) return;
  u64 caller = 0;
  bpf_probe_read_user(&caller, sizeof caller, (void *)sp);
  event->caller = caller;
  event->flags = flags;
  finish_event(event, WINDOW_FREED, process, address, chunk_bytes(cookie, address));
}

// How much CPU time a thread has had. The kernel keeps that up to date at ticks and switches only, but says when.
static __always_inline void note_thread(u32 process) {
  struct window_event *event = claim_event();
  if (!event) return;
  struct task_struct *task = bpf_get_current_task_btf();
  event->size = task->se.sum_exec_runtime;
  event->caller = task->se.exec_start;
  event->site = bpf_get_smp_processor_id();
  finish_event(event, WINDOW_THREAD, process, bpf_ktime_get_ns(), 0);
}

static __always_inline void note_kept(u32 process, u64 address) {
  struct window_event *event = claim_event();
  if (event) finish_event(event, WINDOW_KEPT, process, address, 0);
}
