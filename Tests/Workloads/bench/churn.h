// Allocations as an interpreter or a server makes them, some 25 million a second: churn and a pool of one size, a cache
// of another, and sometimes a block that is forgotten.
#ifndef CHURN_H
#define CHURN_H

#include "progress.h"

enum { POOL = 4096, CACHE = 20000, CHURN = 20, FORGOTTEN = 48 };

static _Thread_local volatile unsigned sink;

struct churn {
  unsigned state;
  void *pool[POOL], *cache[CACHE];
  long turn;
};

static unsigned any(struct churn *its, unsigned count) {
  its->state ^= its->state << 13;
  its->state ^= its->state >> 17;
  its->state ^= its->state << 5;
  return its->state % count;
}

__attribute__((noinline)) static void *filled(unsigned bytes) {
  unsigned *block = malloc(bytes);
  block[0] = bytes;
  return block;
}
// A call each, after which something is left to do: none is a tail call.
#define SITE(name, bytes)                           \
  __attribute__((noinline, unused)) static void *name(void) { \
    void *block = filled(bytes);                    \
    sink += *(unsigned *)block;                     \
    return block;                                   \
  }
SITE(forgotten, FORGOTTEN)
SITE(transient, 48)
SITE(pooled, 48)
SITE(cached, 200)

__attribute__((unused)) static void churn_turn(struct churn *its, struct progress *progress) {
  its->turn++;
  for (int i = 0; i < CHURN; i++) free(transient());
  unsigned place = any(its, POOL);
  free(its->pool[place]);
  its->pool[place] = pooled();
  if (its->turn % 10 == 0) {
    place = any(its, CACHE);
    free(its->cache[place]);
    its->cache[place] = cached();
  }
  for (unsigned i = 0; i < 300; i++) sink += i * its->turn;
  if (progress_turn(progress)) forgotten();
}

#endif
