// Another thread ends the process with status 7 while this one is inside the allocator.
#include <pthread.h>
#include <time.h>

#include "truth.h"

static void *end(void *unused) {
  struct timespec pause = {.tv_nsec = 200000000};
  nanosleep(&pause, NULL);
  _exit(7);
  return unused;
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, end, NULL);
  for (;;) free(realloc(malloc(300), 5000));
}
