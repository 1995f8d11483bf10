// vfork: the child borrows this heap until it execs.
#include <sys/wait.h>

#include "truth.h"

int main(void) {
  for (int i = 0; i < 20; i++) {
    void *block = took(malloc(60), 60);
    pid_t child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", (char *)NULL);
      _exit(1);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
    if (i % 2) free(gave(block, 60));
  }
  tell();
}
