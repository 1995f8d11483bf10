// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What a call of an allocator function asks for, by its kind and traits.
#pragma once
#include "call_frames.bpf.h"
#include "probed_calls.h"

// What the entry half of a session answers.
enum { RETURN_WANTED = 0, NO_RETURN_WANTED = 1 };

static __always_inline int is_mapping_call(u32 kind) { return kind >= CALL_MMAP && kind <= CALL_BRK; }

// Calls that give a block back and obtain another. CALL_RESIZE is none: its block stays where it is.
static __always_inline int is_reallocation(u32 kind) { return kind == CALL_REALLOC || kind == CALL_REALLOCARRAY; }

// Requested bytes; all ones if the multiplication overflows, which no allocator grants.
static __always_inline u64 product(u64 count, u64 size) {
  u64 bytes = count * size;
  asm volatile("" : "+r"(bytes));  // else the check becomes a 128-bit multiplication, which BPF lacks
  return size && bytes / size != count ? ~0ull : bytes;
}

// Takes over from the arguments of an allocator call, at its entry, how many bytes are asked for, and the pointer.
static __always_inline void read_request(struct pt_regs *ctx, u64 cookie, struct call_frame *frame) {
  u64 first = ctx->di, second = ctx->si, third = ctx->dx;
  if (cookie >> COOKIE_KIND_BITS) {
    if (cookie & CALL_ON_HEAP) {
      first = second;
      second = third;
      third = ctx->cx;
    }
    if (cookie & CALL_MAY_THROW) frame->flags |= FRAME_MAY_THROW;
    if (cookie & CALL_FREES_ON_FAILURE) frame->flags |= FRAME_FREES_ON_FAILURE;
  }
  frame->pointer = first;
  switch (frame->kind) {
    case CALL_MALLOC:
      frame->size = first;
      break;
    case CALL_CALLOC:
      frame->size = product(first, second);
      break;
    case CALL_REALLOC:
    case CALL_MEMALIGN:
      frame->size = second;
      break;
    case CALL_REALLOCARRAY:
      frame->size = product(second, third);
      break;
    case CALL_POSIX_MEMALIGN:
      frame->size = third;
      break;
    case CALL_RESIZE:
      frame->size = second;
      frame->old.size = third;
      break;
    default:
      frame->size = 0;  // CALL_STRING: as long as the string is
      break;
  }
}

// At a `ret` of a function that may throw: the registers of its caller, but for the result. All that a caller may rely on
// have its values again, so one step leads to its frame.
static __always_inline struct pt_regs *caller_at_return(struct pt_regs *ctx, struct thread_state *thread) {
  struct pt_regs *caller = &thread->caller;
  u64 ip = 0;
  bpf_probe_read_user(&ip, sizeof ip, (void *)ctx->sp);
  caller->ip = ip;
  caller->ax = ctx->ax;
  caller->bx = ctx->bx;
  caller->bp = ctx->bp;
  caller->sp = ctx->sp + sizeof(u64);
  return caller;
}

// Bytes of a C string with its NUL: what was asked for to make a copy of it. 0: it can't be read, or is too long.
enum { STRING_CHUNK_BYTES = 512, STRING_CHUNKS = 128 };
__noinline u64 string_bytes(struct thread_state *thread, u64 address) {
  if (!thread) return 0;
  u64 bytes = 0;
  for (int i = 0; i < STRING_CHUNKS; i++) {
    long read = bpf_probe_read_user_str(thread->window, STRING_CHUNK_BYTES, (void *)(address + bytes));
    if (read <= 0) return 0;
    // A chunk without NUL is given one at its end.
    if (read < STRING_CHUNK_BYTES) return bytes + read;
    bytes += STRING_CHUNK_BYTES - 1;
  }
  return 0;
}
