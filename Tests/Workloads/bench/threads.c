// Eight threads of churn: threads [BYTES]: so many bytes a second are leaked, all by the first.
#include <pthread.h>

#include "churn.h"

enum { THREADS = 8 };

static double leak_rate;

static void *run(void *argument) {
  long number = (long)argument;
  struct churn *churn = calloc(1, sizeof *churn);
  struct progress *progress = calloc(1, sizeof *progress);
  churn->state = 12345 + number;
  char label[16];
  snprintf(label, sizeof label, "thread%ld", number);
  progress_begin(progress, label, number ? 0 : leak_rate, FORGOTTEN);
  for (;;) churn_turn(churn, progress);
  return 0;
}

int main(int count, char **arguments) {
  leak_rate = count > 1 ? atof(arguments[1]) : 0;
  for (long number = 1; number < THREADS; number++) {
    pthread_t thread;
    pthread_create(&thread, 0, run, (void *)number);
  }
  run(0);
}
