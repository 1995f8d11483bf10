// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Counts the calls of allocator functions.
//
// 1. The entry half remembers what was asked for in a frame of the thread's state; `free` has no return half.
// 2. Only the outermost allocator call of a thread counts: realloc(NULL, n) → malloc → mmap is one block. A call
//    that longjmp leaves for good is taken off when longjmp is called: later it could look like an outer one.
// 3. A block that is given back leaves the table at entry, before the allocator can give its address to another
//    thread. If the call then fails, the block is put back at return.
//    What a call frees that its caller knows (a new_handler does) leaves the table, too; a call inside `free` that
//    frees the same block again (operator delete → free) is the same free.
// 4. The return half walks the stack, finds the site, puts the block into the table and raises the counters.
//    What finds no room is counted as lost and raises nothing, so live bytes stay a plain difference.
//
// The same code runs behind three kinds of links: a session (one program for both halves), multi uprobes and
// perf uprobes (one program each). The attach cookie is the kind of call and traits of the function. Functions that may
// throw have no return half, since no exception gets past a return probe: their `ret` instructions are probed.
#include "calls.bpf.h"
#include "mappings.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern bool bpf_session_is_return(void) __ksym __weak;

// A block that is not in the table was there before, unless small ones are left out on purpose.
static __always_inline void count_free_of_unrecorded(struct process_record *record) {
  if (settings.minimum_size) return;
  if (record->flags & PROCESS_INHERITED_HEAP) __sync_fetch_and_add(&record->inherited_frees, 1);
  else __sync_fetch_and_add(&record->unknown_frees, 1);
}

static __always_inline void release(struct thread_state *thread, u32 process, u64 address) {
  struct block_record block = {};
  struct process_record *record = process_record_of(process);
  if (!record) return;
  u64 key = block_key(process, address);
  if (block_address_fits(address) && remove_block(key, &block)) {
    count_freed(&block);
    count_live(thread, process, -1);
    if (thread->last_key == key) {
      struct site_record *site = bpf_map_lookup_elem(&site_records, &block.site);
      if (site) __sync_fetch_and_add(&site->temporary_blocks, 1);
    }
  } else if (thread->last_key != ~key) {
    count_free_of_unrecorded(record);
  }
  thread->last_key = ~key;  // no block's: what the same free calls next frees nothing more
}

// A free inside another call: of what the call's caller allocated, or of what the call itself did and nobody counted.
__noinline int release_inner(u32 process, u64 address) {
  struct block_record block = {};
  if (block_address_fits(address) && remove_block(block_key(process, address), &block)) count_freed(&block);
  return 0;
}

enum { LOADER_STATE_OFFSET = 24, LOADER_IS_CONSISTENT = 0, LOADER_DELETES = 2 };  // struct r_debug of link.h

// The dynamic loader tells debuggers before it closes libraries and after it has loaded or closed some, at a time when
// none of the new code has run.
static __always_inline void note_code_change(struct pt_regs *ctx, u32 process, s64 distance) {
  u32 state = LOADER_IS_CONSISTENT;
  struct process_record *record = process_record_of(process);
  if (!record) return;
  bpf_probe_read_user(&state, sizeof state, (void *)(ctx->ip + distance + LOADER_STATE_OFFSET));
  if (state == LOADER_DELETES) __sync_fetch_and_add(&record->generation, 1);
  if (state != LOADER_IS_CONSISTENT || __sync_lock_test_and_set(&record->code_events, 1)) return;
  struct event_header event = {.kind = EVENT_CODE, .process = process, .time = bpf_ktime_get_ns()};
  if (bpf_ringbuf_output(&events, &event, sizeof event, 0)) record->code_events = 0;  // the next one tries again
}

// The old block of realloc leaves the table but not the counters, until the outcome is known.
static __always_inline void retire_old_block(u32 process, struct call_frame *frame) {
  u64 address = frame->pointer;
  if (!address) return;
  if (block_address_fits(address) && remove_block(block_key(process, address), &frame->old))
    frame->flags |= FRAME_HAS_OLD_BLOCK;
  else
    frame->flags |= FRAME_OLD_UNKNOWN;
}

static __always_inline int enter(struct pt_regs *ctx, u64 cookie) {
  u32 kind = cookie & ((1 << COOKIE_KIND_BITS) - 1);
  struct thread_state *thread = current_thread();
  if (!thread) return NO_RETURN_WANTED;
  u32 process = current_process(thread);
  if (!process) return NO_RETURN_WANTED;

  if (kind == CALL_LONGJMP) {
    drop_all_frames(thread, process);
    return NO_RETURN_WANTED;
  }
  if (kind == CALL_CODE_CHANGE) {
    note_code_change(ctx, process, (s64)cookie >> COOKIE_KIND_BITS);
    return NO_RETURN_WANTED;
  }
  if (kind == CALL_EXCEPTION) {
    drop_frames_of_exception(thread, process);
    return NO_RETURN_WANTED;
  }
  count_call(thread, process);
  u64 sp = ctx->sp;
  u32 internal = 0;
  if (thread->depth) {
    drop_skipped_frames(thread, process, sp);
    u32 depth = thread->depth;
    if (depth) {
      u32 outer = thread->frames[frame_index(depth - 1)].kind;
      if (kind == CALL_FREE && ctx->di) release_inner(process, ctx->di);
      if (!is_mapping_call(kind) || is_mapping_call(outer)) return NO_RETURN_WANTED;
      internal = FRAME_INTERNAL;
    }
  }
  if (kind == CALL_FREE) {
    if (ctx->di) release(thread, process, ctx->di);
    else thread->last_key = 0;
    return NO_RETURN_WANTED;
  }

  struct call_frame *frame = push_frame(thread, process, kind, sp);
  if (!frame) return NO_RETURN_WANTED;
  frame->flags = internal;
  if (is_mapping_call(kind)) {
    enter_mapping_call(ctx, process, frame);
    return RETURN_WANTED;
  }
  read_request(ctx, cookie, frame);
  if (is_reallocation(kind)) retire_old_block(process, frame);
  return RETURN_WANTED;
}

// realloc came back: the old block is gone for good, or it is still there.
static __always_inline void settle_old_block(struct thread_state *thread, u32 process, struct call_frame *frame,
                                             u64 address) {
  // realloc(p, 0) frees p and returns NULL (glibc, C17 7.22.3.5); any other NULL is a failure.
  if (!address && frame->size && !(frame->flags & FRAME_FREES_ON_FAILURE)) {
    if (frame->flags & FRAME_HAS_OLD_BLOCK) put_back_block(process, frame->pointer, &frame->old);
    return;
  }
  if (frame->flags & FRAME_HAS_OLD_BLOCK) {
    count_freed(&frame->old);
    count_live(thread, process, -1);
  } else if (frame->flags & FRAME_OLD_UNKNOWN) {
    struct process_record *record = process_record_of(process);
    if (record) count_free_of_unrecorded(record);
  }
}

// Whether this call is the one that is to be recorded, for comparing single stacks with a debugger's.
static __always_inline int is_chosen_allocation(u32 process) {
  struct process_record *record = process_record_of(process);
  return record && __sync_fetch_and_add(&record->allocations, 1) + 1 == settings.only_allocation;
}

static __always_inline void record_block(struct pt_regs *ctx, struct thread_state *thread, u32 process,
                                         u64 address, u64 size) {
  if (settings.only_allocation && !is_chosen_allocation(process)) return;
  if (size < settings.minimum_size) return;
  if (!block_address_fits(address)) {
    count_loss(process, LOSS_ADDRESS_OUT_OF_RANGE);
    return;
  }
  struct process_record *owner = process_record_of(process);
  if (!owner || owner->live_blocks >= (s64)settings.block_limit) {
    count_loss(process, LOSS_BLOCK_LIMIT);
    return;
  }
  u32 site = 0;
  struct site_record *record = current_site(thread, process, ctx, &site);
  if (!record) return;
  struct block_record block = {.size = size, .site = site, .born = now_in_ticks()};
  struct block_record replaced = {};
  u64 key = block_key(process, address);
  int outcome = insert_block(key, &block, &replaced);
  if (outcome == BLOCK_TABLE_FULL) {
    count_loss(process, LOSS_BLOCK_TABLE_FULL);
    return;
  }
  if (outcome == BLOCK_REPLACED) {
    count_freed(&replaced);
    count_loss(process, LOSS_MISSED_FREE);
  } else {
    count_live(thread, process, 1);
  }
  thread->last_key = key;
  __sync_fetch_and_add(&record->allocated_bytes, size);
  u32 bucket = log2_bucket(size, SIZE_BUCKETS);
  if (bucket < SIZE_BUCKETS) __sync_fetch_and_add(&record->allocated_by_size[bucket], 1);
}

// xallocx says how many bytes the block has, which are fewer than asked for where it could not grow.
static __always_inline u64 resized_bytes(u32 process, struct call_frame *frame, u64 granted) {
  u64 size = frame->size, most = size + frame->old.size;
  if (granted < size) return 0;
  retire_old_block(process, frame);
  return granted < most ? granted : most;
}

// What a call whose frame was taken off has brought about. `ctx` is the caller's, but for the result.
static __always_inline int settle_call(struct pt_regs *ctx, struct thread_state *thread, u32 process,
                                       struct call_frame *frame) {
  u32 kind = frame->kind;
  if (is_mapping_call(kind)) {
    leave_mapping_call(ctx, thread, process, frame);
    return 0;
  }

  u64 address = ctx->ax;
  if (kind == CALL_POSIX_MEMALIGN) {
    if (ctx->ax) {
      address = 0;
    } else if (bpf_probe_read_user(&address, sizeof address, (void *)frame->pointer)) {
      count_loss(process, LOSS_UNREADABLE_RESULT);
      return 0;
    }
  }
  if (kind == CALL_RESIZE) {
    u64 granted = resized_bytes(process, frame, address);
    if (!granted) return 0;
    frame->size = granted;
    address = frame->pointer;
  } else if (kind == CALL_STRING && address) {
    frame->size = string_bytes(thread, address);
    if (!frame->size) {
      count_loss(process, LOSS_UNREADABLE_RESULT);
      return 0;
    }
  }
  if (kind == CALL_REALLOC || kind == CALL_REALLOCARRAY || kind == CALL_RESIZE)
    settle_old_block(thread, process, frame, address);
  if (address) {
    record_block(ctx, thread, process, address, frame->size);
  } else if (frame->size || kind == CALL_MALLOC) {
    struct process_record *record = process_record_of(process);
    if (record) __sync_fetch_and_add(&record->failed_calls, 1);
  }
  return 0;
}

static __always_inline int leave(struct pt_regs *ctx, u32 kind) {
  struct thread_state *thread = bpf_task_storage_get(&thread_states, bpf_get_current_task_btf(), 0, 0);
  if (!thread || !thread->depth) return 0;
  u32 process = current_process(thread);
  if (!process) return 0;
  int top = pop_frame(thread, process, kind, ctx->sp - sizeof(u64));
  if (top < 0) return 0;
  return settle_call(ctx, thread, process, &thread->frames[frame_index(top)]);
}

// A `ret` was come to: of the pending call that was entered with this stack pointer, if there is one. Slow paths that
// functions end in are called from elsewhere, too, with another stack pointer or from calls that have a return half.
static __always_inline int leave_by_instruction(struct pt_regs *ctx) {
  struct thread_state *thread = bpf_task_storage_get(&thread_states, bpf_get_current_task_btf(), 0, 0);
  if (!thread || !thread->depth) return 0;
  struct call_frame *frame = &thread->frames[0];  // a call inside another has no frame, or is a system call
  if (frame->sp != ctx->sp || !(frame->flags & FRAME_MAY_THROW)) return 0;
  u32 process = current_process(thread);
  if (!process) return 0;
  thread->depth = 0;
  return settle_call(caller_at_return(ctx, thread), thread, process, frame);
}

SEC("kprobe/session")
int allocation_call(struct pt_regs *ctx) {
  // A session's return half runs for calls only whose entry half asked for it, so it need not tell them apart.
  return bpf_session_is_return() ? leave(ctx, ANY_CALL) : enter(ctx, bpf_get_attach_cookie(ctx));
}

SEC("kprobe/entry")
int allocation_entry(struct pt_regs *ctx) {
  u64 cookie = bpf_get_attach_cookie(ctx);
  if (cookie == CALL_RETURN) leave_by_instruction(ctx);
  else enter(ctx, cookie);
  return 0;  // before Linux 6.13 a multi uprobe takes 1 for a wish to be removed
}

SEC("kprobe/return")
int allocation_return(struct pt_regs *ctx) {
  return leave(ctx, bpf_get_attach_cookie(ctx) & ((1 << COOKIE_KIND_BITS) - 1));
}
