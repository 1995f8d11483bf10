// How a thread gets on, in its own CPU time, so that other programs on the machine don't count.
//
// Its turns are put into bins of some 0.2 ms, of which the first 2000 say how long one takes. A bin that takes more than
// three times their median is slow, and what it took beyond the median is lost. Prints each second
//
//   LABEL TURNS LOST LONGEST LEAKED
//
// with turns per second of CPU time, the share of that time which was lost, the longest bin in milliseconds, and the
// bytes that were leaked so far. A leak goes with progress, so that a slowed thread leaks less, as real ones do.
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PROGRESS_BINS = 2000 };

struct progress {
  const char *label;
  // Wanted, bytes per second of wall-clock time, and what one leaked block takes; 0: no leak.
  double leak_rate;
  long leak_block;
  // Bins to learn from; 0 stands for all there is room for.
  int bins_wanted;
  // Turns to a bin, 0 while that is not known.
  long bin_turns;
  double bins[PROGRESS_BINS], usual;
  int known;
  long turn, bin_end, last_turn, leaked, leak_turns, next_leak;
  double began, wall, bin, second, second_wall, lost, longest;
};

static inline double progress_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static inline void progress_begin(struct progress *its, const char *label, double leak_rate, long leak_block) {
  its->label = label;
  its->leak_rate = leak_rate;
  its->leak_block = leak_block;
  its->began = progress_clock(CLOCK_THREAD_CPUTIME_ID);
  its->wall = progress_clock(CLOCK_MONOTONIC);
}

static int progress_compare(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

static inline void progress_second(struct progress *its, double now) {
  its->second = now;
  its->second_wall = progress_clock(CLOCK_MONOTONIC);
  its->last_turn = its->turn;
  its->lost = its->longest = 0;
}

// How many turns make a bin: those of the first 0.2 ms, of several such times.
static inline void progress_size(struct progress *its) {
  if (its->turn & (its->turn - 1)) return;  // a look at the clock at each power of two
  double now = progress_clock(CLOCK_THREAD_CPUTIME_ID);
  if (now - its->began < 0.02) return;
  its->bin_turns = (long)(its->turn / (now - its->began) * 2e-4) + 1;
  its->bin_end = its->turn + its->bin_turns;
  its->bin = now;
}

static inline void progress_report(struct progress *its, double now) {
  double wall = progress_clock(CLOCK_MONOTONIC);
  printf("%s %.0f %.5f %.3f %ld\n", its->label, (its->turn - its->last_turn) / (now - its->second),
    its->lost / (now - its->second), 1e3 * its->longest, its->leaked);
  fflush(stdout);
  if (its->leak_rate > 0) {
    double per_second = (its->turn - its->last_turn) / (wall - its->second_wall);
    its->leak_turns = (long)(per_second * its->leak_block / its->leak_rate) + 1;
    if (its->next_leak > its->turn + its->leak_turns || !its->next_leak) its->next_leak = its->turn + its->leak_turns;
  }
  progress_second(its, now);
}

static inline void progress_bin(struct progress *its) {
  its->bin_end = its->turn + its->bin_turns;
  double now = progress_clock(CLOCK_THREAD_CPUTIME_ID), length = now - its->bin;
  its->bin = now;
  int wanted = its->bins_wanted ? its->bins_wanted : PROGRESS_BINS;
  if (its->known < wanted) {
    its->bins[its->known++] = length;
    if (its->known < wanted) return;
    qsort(its->bins, wanted, sizeof *its->bins, progress_compare);
    its->usual = its->bins[wanted / 2];
    if (its->leak_rate > 0) {
      double wall = progress_clock(CLOCK_MONOTONIC) - its->wall;
      its->leak_turns = (long)(its->turn / wall * its->leak_block / its->leak_rate) + 1;
      its->next_leak = its->turn + 1;
    }
    progress_second(its, now);
    return;
  }
  if (length > 3 * its->usual) its->lost += length - its->usual;
  if (length > its->longest) its->longest = length;
  if (now - its->second >= 1 || progress_clock(CLOCK_MONOTONIC) - its->second_wall >= 5) progress_report(its, now);
}

// After each turn. Not 0: a block is to be leaked now.
static inline int progress_turn(struct progress *its) {
  its->turn++;
  if (!its->bin_turns) {
    progress_size(its);
    return 0;
  }
  if (its->turn >= its->bin_end) progress_bin(its);
  if (!its->next_leak || its->turn < its->next_leak) return 0;
  its->next_leak = its->turn + its->leak_turns;
  its->leaked += its->leak_block;
  return 1;
}

#endif
