// The child frees 30 inherited blocks and has 20 of its own, 5 of them freed; no exec.
#include <sys/wait.h>

#include "truth.h"

int main(void) {
  void *blocks[50];
  for (int i = 0; i < 50; i++) blocks[i] = took(malloc(90), 90);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 30; i++) free(blocks[i]);
    for (int i = 0; i < 20; i++) {
      void *block = malloc(110);
      if (i < 5) free(block);
    }
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  for (int i = 0; i < 10; i++) free(gave(blocks[i], 90));
  tell_one("child", (uint64_t)child);
  tell();
  return status != 0;
}
