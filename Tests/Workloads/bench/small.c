// One of many: small [BYTES] [WORK]: works for some 0.1 ms at a time, twenty times a second; leaks so many bytes a second.
// It does WORK times as much between its allocations as it takes to make them, so that it makes 25 million a second while it
// works, divided by 1 + WORK.
#include <unistd.h>

#include "churn.h"

// Additions that take as long as a turn of churn.
enum { TURN_LENGTH = 1200 };

int main(int count, char **arguments) {
  static struct churn churn = {.state = 12345};
  static struct progress progress = {.bins_wanted = 100};
  // It would take minutes to fill these, and look like a leak meanwhile.
  for (int i = 0; i < POOL; i++) churn.pool[i] = pooled();
  for (int i = 0; i < CACHE; i++) churn.cache[i] = cached();
  progress_begin(&progress, "small", count > 1 ? atof(arguments[1]) : 0, FORGOTTEN);
  long work = count > 2 ? atol(arguments[2]) : 0, turns = work < 128 ? 128 / (1 + work) : 1;
  for (;;) {
    churn_turn(&churn, &progress);
    for (long i = 0; i < work * TURN_LENGTH; i++) sink += i * progress.turn;
    if (progress.turn % turns == 0) usleep(50000);
  }
}
