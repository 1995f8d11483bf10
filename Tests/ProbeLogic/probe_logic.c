// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#define _GNU_SOURCE
#include "probe_logic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "native_programs.h"

// ---- hashing.h ----

uint64_t logic_mix(uint64_t hash, uint64_t value) { return mix64(hash, value); }
uint32_t logic_bucket_index(uint32_t hash, uint32_t count) { return bucket_index(hash, count); }
uint64_t logic_block_key(uint32_t process, uint64_t address) { return block_key(process, address); }
int logic_block_address_fits(uint64_t address) { return block_address_fits(address); }
uint32_t logic_log2_bucket(uint64_t value, uint32_t buckets) { return log2_bucket(value, buckets); }

// ---- block_table.bpf.h ----

static void *empty_table(size_t count, size_t size) {
  size_t bytes = (count * size + 63) & ~(size_t)63;
  void *table = aligned_alloc(64, bytes);
  if (!table) abort();
  return memset(table, 0, bytes);
}

void logic_table_reset(uint32_t bucket_count) {
  free(native_blocks);
  native_blocks = empty_table(bucket_count, sizeof *native_blocks);
  settings.block_bucket_count = bucket_count;
}

static struct block_record record_of(struct logic_block block) {
  return (struct block_record){.size = block.size, .site = block.site, .born = block.born};
}

static struct logic_block block_of(struct block_record record) {
  return (struct logic_block){.size = record.size, .site = record.site, .born = record.born};
}

int logic_insert(uint64_t key, struct logic_block block, struct logic_block *replaced) {
  struct block_record record = record_of(block), old = {};
  int outcome = insert_block(key, &record, &old);
  *replaced = block_of(old);
  return outcome;
}

int logic_remove(uint64_t key, struct logic_block *removed) {
  struct block_record old = {};
  int found = remove_block(key, &old);
  *removed = block_of(old);
  return found;
}

#define FOR_EACH_SLOT(bucket, slot)                                                                  \
  for (struct block_bucket *bucket = native_blocks; bucket < native_blocks + settings.block_bucket_count; bucket++) \
    for (int slot = 0; slot < BLOCK_BUCKET_SLOTS; slot++)

uint64_t logic_table_count(void) {
  uint64_t count = 0;
  FOR_EACH_SLOT(bucket, slot) count += bucket->keys[slot] != 0;
  return count;
}

uint64_t logic_table_half_written(void) {
  uint64_t count = 0;
  FOR_EACH_SLOT(bucket, slot) count += !bucket->keys[slot] != !bucket->records[slot].site;
  return count;
}

int logic_table_find(uint64_t key, struct logic_block *found) {
  int count = 0;
  FOR_EACH_SLOT(bucket, slot) if (bucket->keys[slot] == key) {
    *found = block_of(bucket->records[slot]);
    count++;
  }
  return count > 1 ? -1 : count;
}

// ---- Threads ----

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return *state;
}

static uint64_t milliseconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

// Who owns an address is decided by exchanging its number with a cell of one of two pools, as an allocator
// decides it: an address is with one thread or in one cell. Everything else about it belongs to its owner.
struct pool {
  uint32_t size;
  _Atomic uint32_t *cells;  // number of the address + 1, 0: empty
};

static struct pool new_pool(uint32_t size) { return (struct pool){size, empty_table(size, sizeof(uint32_t))}; }

enum { HOT_CELLS = 16 };

// Mostly from and to the first cells, so that addresses come back within nanoseconds.
static uint32_t some_cell(struct pool *pool, uint64_t *random) {
  uint64_t value = next_random(random);
  uint32_t range = value & 3 && pool->size > HOT_CELLS ? HOT_CELLS : pool->size;
  return (value >> 8) % range;
}

static uint32_t take(struct pool *pool, uint64_t *random) {
  return atomic_exchange(&pool->cells[some_cell(pool, random)], 0);
}

static void give(struct pool *pool, uint32_t number, uint64_t *random) {
  for (uint32_t cell = some_cell(pool, random);; cell = next_random(random) % pool->size) {
    uint32_t empty = 0;
    if (atomic_compare_exchange_strong(&pool->cells[cell], &empty, number)) return;
  }
}

struct stress {
  struct logic_stress plan;
  struct pool unused, live;
  uint32_t *versions;  // by number of the address, written by its owner
  _Atomic int is_over;
  _Atomic uint64_t insertions, removals, replacements, lost, wrong_results, blocks_read, torn_reads;
};

struct worker {
  pthread_t thread;
  struct stress *stress;
  uint64_t random;
};

static uint64_t key_of(uint32_t number) { return block_key(1 + number % 3, 0x7f0000000000 + 48ull * number); }

// A function of key and version; the version is in `born`, so any mixture of two records shows.
static struct logic_block block_for(uint64_t key, uint32_t version) {
  uint64_t hash = mix64(key, version);
  return (struct logic_block){.size = mix64(hash, 1), .site = hash | 1, .born = version};
}

static int is_same(struct logic_block a, struct logic_block b) {
  return a.size == b.size && a.site == b.site && a.born == b.born;
}

static void insert_some(struct stress *stress, uint64_t *random) {
  uint32_t number = take(&stress->unused, random);
  if (!number) return;
  uint64_t key = key_of(number);
  struct logic_block replaced;
  switch (logic_insert(key, block_for(key, ++stress->versions[number - 1]), &replaced)) {
    case LOGIC_INSERTED:
      stress->insertions++;
      give(&stress->live, number, random);
      return;
    case LOGIC_TABLE_FULL:
      stress->lost++;
      give(&stress->unused, number, random);
      return;
    default:
      stress->wrong_results++;
  }
}

static void replace(struct stress *stress, uint32_t number) {
  uint64_t key = key_of(number);
  uint32_t version = stress->versions[number - 1]++;
  struct logic_block replaced;
  if (logic_insert(key, block_for(key, version + 1), &replaced) != LOGIC_REPLACED ||
      !is_same(replaced, block_for(key, version)))
    stress->wrong_results++;
  stress->replacements++;
}

static void remove_some(struct stress *stress, uint64_t *random) {
  uint32_t number = take(&stress->live, random);
  if (!number) return;
  uint64_t key = key_of(number);
  struct logic_block removed, again;
  if (stress->plan.replaces && !(next_random(random) & 7)) replace(stress, number);
  if (!logic_remove(key, &removed) || !is_same(removed, block_for(key, stress->versions[number - 1])))
    stress->wrong_results++;
  if (!(next_random(random) & 63) && logic_remove(key, &again)) stress->wrong_results++;
  stress->removals++;
  give(&stress->unused, number, random);
}

static void *work(void *context) {
  struct worker *worker = context;
  struct stress *stress = worker->stress;
  while (!stress->is_over) {
    // More insertions than removals: the table is nearly as full as the number of addresses lets it be.
    if (next_random(&worker->random) % 8 < 5) insert_some(stress, &worker->random);
    else remove_some(stress, &worker->random);
  }
  return 0;
}

// As user space reads: a record counts if it has a site, and site, birth and key are the same before and after.
static void *read_all(void *context) {
  struct stress *stress = ((struct worker *)context)->stress;
  uint64_t blocks = 0, torn = 0;
  while (!stress->is_over) {
    FOR_EACH_SLOT(bucket, slot) {
      volatile struct block_record *record = &bucket->records[slot];
      volatile u64 *key_place = &bucket->keys[slot];
      uint64_t key = *key_place;
      if (!key) continue;
      uint64_t word = *site_and_born((struct block_record *)record);
      struct logic_block block = {.size = record->size};
      memcpy(&block.site, &word, sizeof word);
      if (!block.site || *site_and_born((struct block_record *)record) != word || *key_place != key) continue;
      blocks++;
      if (!is_same(block, block_for(key, block.born))) torn++;
    }
  }
  stress->blocks_read += blocks;
  stress->torn_reads += torn;
  return 0;
}

static uint64_t wrong_contents(struct stress *stress) {
  uint64_t wrong = 0, live = 0;
  for (uint32_t cell = 0; cell < stress->live.size; cell++) {
    uint32_t number = stress->live.cells[cell];
    if (!number) continue;
    live++;
    uint64_t key = key_of(number), hash = mix64(0, key);
    int found = 0;
    for (int choice = 0; choice < 2; choice++) {
      struct block_bucket *bucket = block_bucket_at(choice ? hash >> 32 : hash);
      int slot = slot_of_key(bucket, key);
      if (slot < 0 || found) continue;
      found = 1;
      if (!is_same(block_of(bucket->records[slot]), block_for(key, stress->versions[number - 1]))) wrong++;
    }
    wrong += !found;
  }
  // As many keys as live blocks, and each of those is there: then there is no other, and none twice.
  uint64_t count = logic_table_count();
  return wrong + (count > live ? count - live : live - count) + logic_table_half_written();
}

struct logic_stress_outcome logic_stress_blocks(struct logic_stress plan) {
  struct stress stress = {
      .plan = plan,
      .unused = new_pool(plan.keys),
      .live = new_pool(plan.keys),
      .versions = calloc(plan.keys, sizeof(uint32_t)),
  };
  for (uint32_t number = 1; number <= plan.keys; number++) stress.unused.cells[number - 1] = number;
  logic_table_reset(plan.buckets);
  uint32_t count = plan.threads + plan.readers;
  struct worker *workers = calloc(count, sizeof *workers);
  uint64_t end = milliseconds_now() + plan.milliseconds;
  for (uint32_t i = 0; i < count; i++) {
    workers[i].stress = &stress;
    workers[i].random = mix64(i, plan.keys) | 1;
    if (pthread_create(&workers[i].thread, 0, i < plan.threads ? work : read_all, &workers[i])) abort();
  }
  while (milliseconds_now() < end) nanosleep(&(struct timespec){.tv_nsec = 5000000}, 0);
  stress.is_over = 1;
  for (uint32_t i = 0; i < count; i++) pthread_join(workers[i].thread, 0);
  struct logic_stress_outcome outcome = {
      stress.insertions, stress.removals, stress.replacements, stress.lost, stress.wrong_results,
      wrong_contents(&stress), stress.blocks_read, stress.torn_reads,
  };
  free(stress.unused.cells), free(stress.live.cells), free(stress.versions), free(workers);
  return outcome;
}

// ---- sites.bpf.h ----

void logic_stacks_reset(uint32_t bucket_count) {
  free(native_stacks);
  native_stacks = empty_table(bucket_count, sizeof *native_stacks);
  settings.stack_bucket_count = bucket_count;
  settings.stack_limit = bucket_count * STACK_BUCKET_SLOTS;
  native_processes[1].stacks = 0;
}

uint32_t logic_site_of_hash(uint64_t hash) { return site_of_hash(hash, 1); }

struct site_worker {
  pthread_t thread;
  pthread_barrier_t *start;
  uint32_t hashes, stride;  // the stride is coprime to `hashes`, which is a power of two
  uint32_t *sites;          // by number of the hash
};

static void *find_sites(void *context) {
  struct site_worker *worker = context;
  pthread_barrier_wait(worker->start);
  for (uint32_t i = 0; i < worker->hashes; i++) {
    uint32_t number = (uint64_t)i * worker->stride % worker->hashes;
    worker->sites[number] = site_of_hash(mix64(7, number), 1);
  }
  return 0;
}

struct logic_site_stress_outcome logic_stress_sites(uint32_t threads, uint32_t hashes, uint32_t buckets) {
  struct site_worker *workers = calloc(threads, sizeof *workers);
  pthread_barrier_t start;
  pthread_barrier_init(&start, 0, threads);
  logic_stacks_reset(buckets);
  for (uint32_t i = 0; i < threads; i++) {
    // Neighbours take the same order, so that they meet at every hash.
    workers[i] = (struct site_worker){.start = &start, .hashes = hashes, .stride = 2 * (i / 4) + 1};
    workers[i].sites = calloc(hashes, sizeof(uint32_t));
    if (pthread_create(&workers[i].thread, 0, find_sites, &workers[i])) abort();
  }
  for (uint32_t i = 0; i < threads; i++) pthread_join(workers[i].thread, 0);

  struct logic_site_stress_outcome outcome = {.hashes = hashes};
  uint8_t *taken = calloc(buckets * STACK_BUCKET_SLOTS + 1, 1);
  for (uint32_t number = 0; number < hashes; number++) {
    uint32_t site = workers[0].sites[number];
    if (!site) outcome.full++;
    else if (taken[site]++) outcome.disagreements++;
    for (uint32_t i = 1; i < threads; i++) outcome.disagreements += workers[i].sites[number] != site;
    outcome.disagreements += site_of_hash(mix64(7, number), 1) != site;
  }
  for (uint32_t i = 0; i < threads; i++) free(workers[i].sites);
  free(workers), free(taken);
  pthread_barrier_destroy(&start);
  return outcome;
}
