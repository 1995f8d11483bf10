// Some 25 million allocations a second: churn and a pool of one size, a cache, and a leak every N turns (0: none).
//
// Prints where the leaking function is, and then each second, of its own CPU time: turns, and the share of the time that
// it lost. A bin of 256 turns that took more than three times what such bins took at first is slow; what it took beyond
// that is lost.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { POOL = 4096, CACHE = 20000, CHURN = 20, TURNS = 256, BINS = 4000 };

static volatile unsigned sink;
static unsigned state = 12345;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static unsigned any(unsigned count) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % count;
}

__attribute__((noinline)) static void *filled(unsigned bytes) {
  unsigned *block = malloc(bytes);
  block[0] = bytes;
  return block;
}
// A call each, after which something is left to do: none is a tail call.
#define SITE(name, bytes)                           \
  __attribute__((noinline)) static void *name(void) { \
    void *block = filled(bytes);                    \
    sink += *(unsigned *)block;                     \
    return block;                                   \
  }
SITE(forgotten, 48)
SITE(transient, 48)
SITE(pooled, 48)
SITE(cached, 200)

static int by_value(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

int main(int count, char **arguments) {
  static void *pool[POOL], *cache[CACHE];
  static double bins[BINS];
  long every = count > 1 ? atol(arguments[1]) : 0, reported = 0, known = 0;
  double usual = 0, lost = 0, bin = now(), second = bin;
  printf("forgotten %p\n", (void *)forgotten);
  for (long turn = 1;; turn++) {
    for (int i = 0; i < CHURN; i++) free(transient());
    unsigned place = any(POOL);
    free(pool[place]);
    pool[place] = pooled();
    if (turn % 10 == 0) {
      place = any(CACHE);
      free(cache[place]);
      cache[place] = cached();
    }
    if (every && turn % every == 0) forgotten();
    for (unsigned i = 0; i < 300; i++) sink += i * turn;
    if (turn % TURNS) continue;
    double end = now(), length = end - bin;
    bin = end;
    if (known < BINS) {
      bins[known++] = length;
      if (known < BINS) continue;
      qsort(bins, BINS, sizeof *bins, by_value);
      usual = bins[BINS / 2];
      second = end;
      reported = turn;
      lost = 0;
    } else if (length > 3 * usual) {
      lost += length - usual;
    }
    if (end - second < 1) continue;
    printf("%.0f %.5f\n", (turn - reported) / (end - second), lost / (end - second));
    fflush(stdout);
    second = end;
    reported = turn;
    lost = 0;
  }
}
