// Starts threads that each allocate and free a little, so many at a time: busy_threads THREADS AT_A_TIME
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *work(void *number) {
  for (int i = 0; i < 3; i++) {
    char *block = malloc(100 + ((long)number & 63));
    if (block) memset(block, 1, 10);
    free(block);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long total = atol(argv[1]), width = atol(argv[2]);
  pthread_t *threads = malloc((size_t)width * sizeof *threads);
  for (long started = 0; started < total; started += width) {
    for (long i = 0; i < width; i++)
      if (pthread_create(&threads[i], 0, work, (void *)i)) return 1;
    for (long i = 0; i < width; i++) pthread_join(threads[i], 0);
  }
  return 0;
}
