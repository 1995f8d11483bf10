// One of many: small [BYTES]: works for some 0.1 ms at a time, twenty times a second; leaks so many bytes a second.
#include <unistd.h>

#include "churn.h"

int main(int count, char **arguments) {
  static struct churn churn = {.state = 12345};
  static struct progress progress = {.bins_wanted = 100};
  // It would take minutes to fill these, and look like a leak meanwhile.
  for (int i = 0; i < POOL; i++) churn.pool[i] = pooled();
  for (int i = 0; i < CACHE; i++) churn.cache[i] = cached();
  progress_begin(&progress, "small", count > 1 ? atof(arguments[1]) : 0, FORGOTTEN);
  for (;;) {
    churn_turn(&churn, &progress);
    if (progress.turn % 128 == 0) usleep(50000);
  }
}
