// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The two threads are coroutines. The compiler calls a function before each load and store (-fsanitize-coverage),
// and that is where one may hand over to the other. Which access is followed by a switch is counted through like
// the digits of a number, so each order is run once.
#define _GNU_SOURCE
#include "probe_interleavings.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "vmlinux.h"

static void reach_access(const void *place);

// A compare-and-swap is no plain access to the compiler.
static inline u64 swap_after_pause(u64 *place, u64 expected, u64 desired) {
  reach_access(place);
  __atomic_compare_exchange_n(place, &expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}
#define __sync_val_compare_and_swap(place, expected, desired) \
  swap_after_pause((u64 *)(place), (u64)(expected), (u64)(desired))

#include "native_programs.h"

#define NOT_TRACED __attribute__((no_sanitize("coverage")))

enum { BUCKETS = 2, STACK_BYTES = 64 << 10, MOST_SWITCHES = 4 };

struct coroutine {
  ucontext_t context;
  char stack[STACK_BYTES];
  const enum interleaving_step *steps;
  uint64_t key;
  int is_over;
  // Results.
  int is_in, full, wrong, torn;
};

static struct {
  struct coroutine threads[2];
  ucontext_t explorer;
  int current, is_running;
  uint64_t accesses;
  // Switches happen before the accesses with these numbers, ascending.
  uint64_t switches[MOST_SWITCHES];
  uint32_t switch_count, next_switch;
} run;

NOT_TRACED static void reach_access(const void *place) {
  const char *table = (const char *)native_blocks, *end = (const char *)(native_blocks + settings.block_bucket_count);
  if (!run.is_running || (const char *)place < table || (const char *)place >= end) return;
  uint64_t access = run.accesses++;
  if (run.next_switch == run.switch_count || run.switches[run.next_switch] != access) return;
  run.next_switch++;
  struct coroutine *from = &run.threads[run.current], *to = &run.threads[!run.current];
  if (to->is_over) return;
  run.current = !run.current;
  swapcontext(&from->context, &to->context);
}

#define TRACE(bytes, type)                                                             \
  NOT_TRACED void __sanitizer_cov_load##bytes(type *place) { reach_access(place); }    \
  NOT_TRACED void __sanitizer_cov_store##bytes(type *place) { reach_access(place); }
TRACE(1, uint8_t)
TRACE(2, uint16_t)
TRACE(4, uint32_t)
TRACE(8, uint64_t)
TRACE(16, __int128)

// The next key from `key` on whose first choice is this bucket and whose second is the other one.
NOT_TRACED static uint64_t key_from(uint64_t key, uint32_t first_bucket) {
  for (;; key++) {
    uint64_t hash = mix64(0, key);
    if (bucket_index(hash, BUCKETS) == first_bucket && bucket_index(hash >> 32, BUCKETS) != first_bucket) return key;
  }
}

NOT_TRACED static struct block_record record_for(uint64_t key, int version) {
  return (struct block_record){.size = mix64(key, version), .site = mix64(version, key) | 1, .born = version};
}

NOT_TRACED static int is_same(struct block_record a, struct block_record b) {
  return a.size == b.size && a.site == b.site && a.born == b.born;
}

// As user space reads: a record counts if its key is the same before and after and it has a site.
__attribute__((noinline)) static int read_slot(struct block_bucket *bucket, int slot, struct block_record *read) {
  volatile u64 *key_place = &bucket->keys[slot];
  u64 key = *key_place;
  if (!key) return 0;
  read->size = *(volatile u64 *)&bucket->records[slot].size;
  *site_and_born(read) = *site_and_born(&bucket->records[slot]);
  return read->site && *key_place == key;
}

// Every record is of a key and a version, which is what `born` says.
NOT_TRACED static int count_torn_records(void) {
  int torn = 0;
  for (uint32_t bucket = 0; bucket < settings.block_bucket_count; bucket++)
    for (int slot = 0; slot < BLOCK_BUCKET_SLOTS; slot++) {
      struct block_record read;
      if (!read_slot(&native_blocks[bucket], slot, &read)) continue;
      int is_whole = 0;
      for (int i = 0; i < 2; i++) is_whole |= is_same(read, record_for(run.threads[i].key, read.born));
      torn += !is_whole;
    }
  return torn;
}

NOT_TRACED static void work(int number) {
  struct coroutine *self = &run.threads[number];
  for (int step = 0; step < 3; step++) {
    struct block_record record = record_for(self->key, step), old = {};
    switch (self->steps[step]) {
      case STEP_INSERT: {
        int outcome = insert_block(self->key, &record, &old);
        if (outcome == BLOCK_TABLE_FULL) self->full++;
        if ((outcome == BLOCK_REPLACED) != !!self->is_in) self->wrong++;
        if (self->is_in && !is_same(old, record_for(self->key, self->is_in - 1))) self->wrong++;
        if (outcome != BLOCK_TABLE_FULL) self->is_in = step + 1;
        break;
      }
      case STEP_REMOVE: {
        int found = remove_block(self->key, &old);
        if (found != !!self->is_in) self->wrong++;
        if (found && !is_same(old, record_for(self->key, self->is_in - 1))) self->wrong++;
        self->is_in = 0;
        break;
      }
      case STEP_READ:
        self->torn += count_torn_records();
        break;
      case STEP_NONE:
        break;
    }
  }
  self->is_over = 1;
  run.current = !number;
  if (run.threads[!number].is_over) setcontext(&run.explorer);
  setcontext(&run.threads[!number].context);
}

NOT_TRACED static int contents_are_wrong(uint32_t filled) {
  uint32_t count = 0, found = 0;
  for (uint32_t bucket = 0; bucket < settings.block_bucket_count; bucket++)
    for (int slot = 0; slot < BLOCK_BUCKET_SLOTS; slot++) {
      uint64_t key = native_blocks[bucket].keys[slot];
      struct block_record record = native_blocks[bucket].records[slot];
      if (!key != !record.site) return 1;
      if (!key) continue;
      count++;
      for (int i = 0; i < 2; i++) {
        struct coroutine *thread = &run.threads[i];
        if (key == thread->key && thread->is_in && is_same(record, record_for(key, thread->is_in - 1))) found++;
      }
    }
  uint32_t live = !!run.threads[0].is_in + !!run.threads[1].is_in;
  return found != live || count != filled + live;
}

NOT_TRACED static void run_once(struct interleaving *plan, const struct block_bucket *before) {
  memcpy(native_blocks, before, BUCKETS * sizeof *before);
  run.accesses = run.next_switch = 0;
  for (int i = 0; i < 2; i++) {
    struct coroutine *thread = &run.threads[i];
    thread->steps = plan->threads[i].steps;
    thread->is_over = thread->is_in = thread->full = thread->wrong = thread->torn = 0;
    getcontext(&thread->context);
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&thread->context, (void (*)(void))work, 1, i);
  }
  run.current = 0;
  run.is_running = 1;
  swapcontext(&run.explorer, &run.threads[0].context);
  run.is_running = 0;
}

// The next choice of switch positions; 0 when there is none.
NOT_TRACED static int next_choice(uint64_t accesses) {
  for (uint32_t i = run.switch_count; i-- > 0;) {
    if (run.switches[i] + 1 + (run.switch_count - 1 - i) >= accesses) continue;
    run.switches[i]++;
    for (uint32_t j = i + 1; j < run.switch_count; j++) run.switches[j] = run.switches[j - 1] + 1;
    return 1;
  }
  return 0;
}

NOT_TRACED struct interleaving_outcome explore_interleavings(struct interleaving plan) {
  struct interleaving_outcome outcome = {};
  size_t bytes = BUCKETS * sizeof *native_blocks;
  native_blocks = aligned_alloc(64, bytes);
  struct block_bucket *before = malloc(bytes);
  if (!native_blocks || !before || plan.maximum_switches > MOST_SWITCHES) abort();
  memset(native_blocks, 0, bytes);
  settings.block_bucket_count = BUCKETS;
  run.threads[0].key = key_from(1, plan.threads[0].first_bucket);
  run.threads[1].key = key_from(run.threads[0].key + 1, plan.threads[1].first_bucket);
  uint64_t key = run.threads[1].key;
  for (uint32_t number = 0; number < plan.filled; number++) {
    key = key_from(key + 1, number & 1);
    struct block_record record = record_for(key, 0), old = {};
    if (insert_block(key, &record, &old) != BLOCK_INSERTED) abort();
  }
  memcpy(before, native_blocks, bytes);
  for (run.switch_count = 0; run.switch_count <= plan.maximum_switches; run.switch_count++) {
    for (uint32_t i = 0; i < run.switch_count; i++) run.switches[i] = i;
    do {
      run_once(&plan, before);
      outcome.orders++;
      outcome.full += run.threads[0].full + run.threads[1].full;
      outcome.failures += run.threads[0].wrong || run.threads[1].wrong || contents_are_wrong(plan.filled);
      outcome.torn += run.threads[0].torn || run.threads[1].torn;
      if (run.accesses > outcome.longest) outcome.longest = run.accesses;
    } while (next_choice(run.accesses));
  }
  free(native_blocks), free(before);
  return outcome;
}
