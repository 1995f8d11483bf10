// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// From the stack of the current call to the dense id of its site.
//
// The id is the slot of the stack's hash in `stack_table`, so it exists the moment the slot is claimed and
// nobody waits for anybody. All look for a hash, and then for an empty slot, in the same order. User space empties the
// slots of processes that have ended, so two threads may see different empty slots first and a hash get two of them:
// then the blocks of that stack are counted in two places, and their sum is right. Frames are handed over once, by
// whoever first finds them unpublished; if the ring is full, the next hit tries again and the counters lose nothing.
#pragma once
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "stack_walk.bpf.h"

enum { DEFERRED_CHUNK_BYTES = 1024 };

static __always_inline struct stack_bucket *stack_bucket_of(u64 hash, int choice, u32 *index) {
  *index = bucket_index(stack_choice(hash, choice), settings.stack_bucket_count);
  return bpf_map_lookup_elem(&stack_table, index);
}

// Adds a stack of a process. Returns its site, 0 if there is no room for it.
__noinline u32 add_site(u64 hash, u32 process) {
  struct process_record *record = process_record_of(process);
  if (!record || record->stacks >= settings.stack_limit) return 0;
#pragma unroll
  for (int choice = 0; choice < STACK_CHOICES; choice++) {
    u32 index;
    struct stack_bucket *bucket = stack_bucket_of(hash, choice, &index);
    if (!bucket) return 0;
#pragma unroll
    for (int slot = 0; slot < STACK_BUCKET_SLOTS; slot++) {
      u64 known = bucket->hashes[slot];
      if (!known) known = __sync_val_compare_and_swap(&bucket->hashes[slot], 0, hash);
      if (!known) __sync_fetch_and_add(&record->stacks, 1);
      if (!known || known == hash) return index * STACK_BUCKET_SLOTS + slot + 1;
    }
  }
  return 0;
}

static __always_inline u32 slot_of_hash(struct stack_bucket *bucket, u32 index, u64 hash) {
#pragma unroll
  for (int slot = 0; slot < STACK_BUCKET_SLOTS; slot++)
    if (bucket->hashes[slot] == hash) return index * STACK_BUCKET_SLOTS + slot + 1;
  return 0;
}

__noinline u32 other_site_of_hash(u64 hash, u32 process) {
#pragma unroll
  for (int choice = 1; choice < STACK_CHOICES; choice++) {
    u32 index;
    struct stack_bucket *bucket = stack_bucket_of(hash, choice, &index);
    if (!bucket) return 0;
    u32 site = slot_of_hash(bucket, index, hash);
    if (site) return site;
  }
  return add_site(hash, process);
}

// The site of a process with this stack hash, 0 if there is no room for it. Most lie in the first bucket.
static __always_inline u32 site_of_hash(u64 hash, u32 process) {
  if (!hash) hash = 1;
  u32 index;
  struct stack_bucket *bucket = stack_bucket_of(hash, 0, &index);
  u32 site = bucket ? slot_of_hash(bucket, index, hash) : 0;
  return site ? site : other_site_of_hash(hash, process);
}

__noinline int publish_stack(struct thread_state *thread, u32 process, u32 site) {
  if (!thread) return 0;
  struct stack_event *stack = &thread->stack;
  stack->header.kind = EVENT_STACK;
  stack->header.process = process;
  stack->header.time = bpf_ktime_get_ns();
  stack->site = site;
  u32 count = stack->frame_count;
  if (count > STACK_MAX_FRAMES) count = STACK_MAX_FRAMES;
  u64 bytes = __builtin_offsetof(struct stack_event, frames) + count * sizeof(u64);
  if (bpf_ringbuf_output(&events, stack, bytes, 0)) return 0;
  struct site_record *record = bpf_map_lookup_elem(&site_records, &site);
  if (record) record->flags = SITE_PUBLISHED;
  return 0;
}

// Whether user space is to walk a stack to its end: libraries were loaded or closed, and it has not caught up, or it
// would rather see for itself what code this is.
static __always_inline int is_worth_deferring(struct process_record *process) {
  if (process->code_events || process->code_generation != process->generation || !process->code_slice) return 1;
  return process->deferrals > 0 && __sync_fetch_and_add(&process->deferrals, -1) > 0;
}

// Fills in what is known of a stack, and copies `capacity` bytes of it as far as there are so many.
static __always_inline void fill_deferred(struct deferred_stack_event *event, u8 *bytes, u32 capacity,
                                          struct thread_state *thread, u32 process, u64 now, u32 site) {
  struct walk *walk = &thread->walk;
  event->header.kind = EVENT_DEFERRED_STACK;
  event->header.process = process;
  event->header.time = now;
  event->site = site;
  event->frame_count = walk->count;
  event->generation = thread->stack.generation;
  event->sp = walk->sp;
  event->bp = walk->bp;
  event->bx = walk->bx;
  if (walk->bx_slot) bpf_probe_read_user(&event->bx, sizeof event->bx, (void *)walk->bx_slot);
  bpf_probe_read_kernel(event->frames, sizeof event->frames, thread->stack.frames);
  // No piece crosses the border of a page, so that the last ones of a stack are read to its end.
  u32 copied = 0, piece = DEFERRED_CHUNK_BYTES - (walk->sp & (DEFERRED_CHUNK_BYTES - 1));
  for (u32 i = 0; i < capacity / DEFERRED_CHUNK_BYTES; i++) {
    if (bpf_probe_read_user(bytes + copied, piece, (void *)(walk->sp + copied))) break;
    copied += piece;
    piece = DEFERRED_CHUNK_BYTES;
  }
  event->stack_bytes = copied;
}

// A site of its own for a stack that is not walked to its end yet; 0 if there is no room.
static __always_inline u32 add_deferred_site(struct thread_state *thread, u32 process, u64 now) {
  u32 site = add_site(mix64(thread->walk.hash, now) | 1, process);
  struct site_record *record = bpf_map_lookup_elem(&site_records, &site);
  if (!site || !record) return 0;
  record->process = process;
  record->flags = SITE_PUBLISHED;
  return site;
}

// `capacity` is a constant: the kernel reserves no other sizes.
static __always_inline u32 defer_bytes(struct thread_state *thread, u32 process, u32 capacity) {
  struct deferred_stack_event *event = bpf_ringbuf_reserve(&events, sizeof *event + capacity, 0);
  if (!event) return 0;
  u64 now = bpf_ktime_get_ns();
  u32 site = add_deferred_site(thread, process, now);
  if (!site) {
    bpf_ringbuf_discard(event, 0);
    return 0;
  }
  fill_deferred(event, (u8 *)(event + 1), capacity, thread, process, now, site);
  bpf_ringbuf_submit(event, 0);
  return site;
}

__noinline u32 defer_whole_stack(struct thread_state *thread, u32 process) {
  return thread ? defer_bytes(thread, process, DEFERRED_STACK_BYTES) : 0;
}

__noinline u32 defer_short_stack(struct thread_state *thread, u32 process) {
  return thread ? defer_bytes(thread, process, SHORT_DEFERRED_STACK_BYTES) : 0;
}

// Hands a stack over as it is, for user space to walk on. Returns its site, which is its own: 0 if that can't be.
static __always_inline u32 defer_stack(struct thread_state *thread, u32 process) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  u64 first = BPF_CORE_READ(task, mm, start_stack), sp = thread->walk.sp;
  int is_short = sp < first && first - sp < SHORT_DEFERRED_STACK_BYTES - DEFERRED_CHUNK_BYTES;
  return is_short ? defer_short_stack(thread, process) : defer_whole_stack(thread, process);
}

// Walks the stack of the call that has just returned and finds its site; NULL with a loss counted if there is
// no slot. The instruction pointer is the caller's then: the return trampoline has been undone.
static __always_inline struct site_record *current_site(struct thread_state *thread, u32 process,
                                                        struct pt_regs *ctx, u32 *site) {
  struct process_record *process_record = process_record_of(process);
  if (!process_record) return 0;
  u32 generation = process_record->generation;
  u64 hash = walk_stack(thread, process, generation, ctx);
  u32 ending = thread->stack.ending;
  *site = 0;
  if (ending == STACK_UNKNOWN_CODE && is_worth_deferring(process_record)) {
    thread->stack.generation = generation;
    *site = defer_stack(thread, process);
    if (*site) return bpf_map_lookup_elem(&site_records, site);
    thread->stack.ending = STACK_CODE_CHANGING;
  }
  *site = site_of_hash(hash, process);
  struct site_record *record = *site ? bpf_map_lookup_elem(&site_records, site) : 0;
  if (!record) {
    count_loss(process, process_record->stacks < settings.stack_limit ? LOSS_STACK_TABLE_FULL : LOSS_STACK_LIMIT);
    return 0;
  }
  if (!(record->flags & SITE_PUBLISHED)) {
    record->process = process;
    thread->stack.generation = generation;
    publish_stack(thread, process, *site);
  }
  return record;
}
