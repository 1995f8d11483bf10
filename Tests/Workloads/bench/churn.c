// One thread of churn: churn [BYTES [IDLE]]: leaks so many bytes a second, and is idle for so many seconds at first.
//
// Prints where the leaking function is, and then how it gets on (progress.h). It learns how long its turns take before
// it is idle, so that what follows is compared with that.
#include <unistd.h>

#include "churn.h"

int main(int count, char **arguments) {
  static struct churn churn = {.state = 12345};
  static struct progress progress;
  long idle = count > 2 ? atol(arguments[2]) : 0;
  printf("forgotten %p\n", (void *)forgotten);
  fflush(stdout);
  progress_begin(&progress, "churn", count > 1 ? atof(arguments[1]) : 0, FORGOTTEN);
  for (;;) {
    churn_turn(&churn, &progress);
    if (!idle || progress.usual == 0) continue;
    printf("idle\n");
    fflush(stdout);
    sleep(idle);
    printf("busy\n");
    idle = 0;
    progress_second(&progress, progress_clock(CLOCK_THREAD_CPUTIME_ID));
  }
}
