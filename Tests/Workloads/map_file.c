// Maps a file as code without running it, then allocates.
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "truth.h"

int main(int count, char **arguments) {
  int file = count > 1 ? open(arguments[1], O_RDONLY) : -1;
  if (mmap(NULL, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED) return 1;
  for (int i = 0; i < 25; i++) {
    took(malloc(32), 32);
    struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
  }
  tell();
}
