// Calls exec of itself so many times; each life makes three blocks and frees two: exec_chain LIVES
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int lives = atoi(argv[1]);
  char *volatile kept = malloc(100);
  for (int i = 0; i < 2; i++) {
    char *volatile block = malloc(50);
    free(block);
  }
  if (lives <= 1) {
    printf("%d\n", getpid());
    fflush(stdout);
    pause();
    return 0;
  }
  char next[16];
  snprintf(next, sizeof next, "%d", lives - 1);
  execl("/proc/self/exe", argv[0], next, (char *)0);
  return kept == 0;
}
