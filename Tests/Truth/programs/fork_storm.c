// Short processes, one after the other: each makes BLOCKS blocks, frees all but one, and ends: fork_storm PROCESSES BLOCKS
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int processes = atoi(argv[1]), blocks = atoi(argv[2]);
  for (int i = 0; i < processes; i++) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (!child) {
      for (int k = 0; k < blocks; k++) {
        char *volatile block = malloc(64);
        if (k) free(block);
      }
      _exit(0);
    }
    if (waitpid(child, 0, 0) != child) return 1;
  }
  return 0;
}
