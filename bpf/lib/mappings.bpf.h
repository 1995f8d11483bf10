// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Mappings are intervals, which user space keeps; here they become events, in an order it can rely on.
//
// A range that a call gives back is reported at entry, before the kernel can give it to another thread; if the
// call then fails, an event at its return says so. A range that a call obtains is reported at return. What the
// allocator does inside one of its own calls is reported too, marked internal, since its later munmap is not
// recognisable as internal by itself.
#pragma once
#include "call_frames.bpf.h"
#include "probed_calls.h"
#include "sites.bpf.h"

__noinline int send_mapping(struct mapping_event *event) {
  if (!event) return 0;
  event->header.kind = EVENT_MAPPING;
  event->header.time = bpf_ktime_get_ns();
  if (bpf_ringbuf_output(&events, event, sizeof *event, 0)) count_loss(event->header.process, LOSS_EVENT_RING_FULL);
  return 0;
}

static __always_inline void report_mapping(u32 process, u32 operation, u32 flags, u64 start, u64 length,
                                           u64 old_start, u64 old_length, u32 site) {
  struct mapping_event event = {
      .header = {.process = process},
      .operation = operation,
      .flags = flags,
      .start = start,
      .length = length,
      .old_start = old_start,
      .old_length = old_length,
      .site = site,
  };
  send_mapping(&event);
}

static __always_inline u64 program_break(void) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  return BPF_CORE_READ(task, mm, brk);
}

enum { LINUX_PAGE_MASK = 4095, LINUX_MAP_ANONYMOUS = 0x20, LINUX_MREMAP_DONTUNMAP = 4 };
#define LINUX_CALL_FAILED(result) ((u64)(result) >= (u64)-4095)

// The entry of a mapping call that `frame` was pushed for.
static __always_inline void enter_mapping_call(struct pt_regs *ctx, u32 process, struct call_frame *frame) {
  frame->pointer = ctx->di;
  frame->size = ctx->si;
  switch (frame->kind) {
    case CALL_MMAP:
      if (ctx->cx & LINUX_MAP_ANONYMOUS) frame->old.born = 1;
      else frame->old.born = 0;
      break;
    case CALL_BRK:
      frame->pointer = program_break();
      break;
    case CALL_MREMAP:
      frame->old.size = ctx->dx;
      // Without an old length, or told so, it leaves the old range mapped and makes another (mremap(2)).
      frame->old.born = !ctx->si || ctx->cx & LINUX_MREMAP_DONTUNMAP;
      if (frame->old.born) break;
      // fallthrough: the old range may be taken by another thread as soon as it has moved
    case CALL_MUNMAP:
      if (frame->size && !(frame->pointer & LINUX_PAGE_MASK))
        report_mapping(process, MAPPING_UNMAP, 0, frame->pointer, frame->size, 0, 0, 0);
      break;
  }
}

static __always_inline void leave_mapping_call(struct pt_regs *ctx, struct thread_state *thread, u32 process,
                                               struct call_frame *frame) {
  u64 result = ctx->ax;
  int failed = LINUX_CALL_FAILED(result);
  u32 internal = frame->flags & FRAME_INTERNAL ? MAPPING_INTERNAL : 0;
  u32 site = 0;
  u64 old_start = frame->pointer, length = frame->size;
  switch (frame->kind) {
    case CALL_MMAP:
      if (failed) return;
      if (frame->old.born) internal |= MAPPING_ANONYMOUS;
      if (!(internal & MAPPING_INTERNAL)) current_site(thread, process, ctx, &site);
      report_mapping(process, MAPPING_MAP, internal, result, length, 0, 0, site);
      return;
    case CALL_MUNMAP:
      if (failed && length && !(old_start & LINUX_PAGE_MASK))
        report_mapping(process, MAPPING_RESTORE, internal, old_start, length, 0, 0, 0);
      return;
    case CALL_MREMAP:
      if (frame->old.born) {
        if (failed) return;
        if (!(internal & MAPPING_INTERNAL)) current_site(thread, process, ctx, &site);
        report_mapping(process, MAPPING_MAP, internal, result, frame->old.size, 0, 0, site);
        return;
      }
      if (failed) report_mapping(process, MAPPING_RESTORE, internal, old_start, length, 0, 0, 0);
      else report_mapping(process, MAPPING_MOVE, internal, result, frame->old.size, old_start, length, 0);
      return;
    case CALL_BRK: {
      u64 now = program_break();
      if (now == old_start) return;
      if (!(internal & MAPPING_INTERNAL)) current_site(thread, process, ctx, &site);
      report_mapping(process, MAPPING_BREAK, internal, now, 0, old_start, 0, site);
      return;
    }
  }
}
