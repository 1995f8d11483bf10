// Writes one byte to standard output every 2 ms and allocates all the while, until it is killed.
#include <time.h>

#include "truth.h"

int main(void) {
  for (;;) {
    for (int i = 0; i < 100; i++) free(realloc(malloc(100), 3000));
    if (write(STDOUT_FILENO, ".", 1) != 1) return 1;
    struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
  }
}
