// 5 children exec a program given as argument, 5 more are started by posix_spawn (vfork and exec).
#include <spawn.h>
#include <sys/wait.h>

#include "truth.h"

int main(int count, char **arguments) {
  char *program = count > 1 ? arguments[1] : "/bin/true";
  char *child_arguments[] = {program, NULL};
  char *no_environment[] = {NULL};
  for (int i = 0; i < 10; i++) {
    pid_t child;
    took(malloc(80), 80);
    if (i % 2) {
      if (posix_spawn(&child, program, NULL, NULL, child_arguments, no_environment)) return 1;
    } else if ((child = fork()) == 0) {
      free(malloc(1234));
      execve(program, child_arguments, no_environment);
      _exit(1);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 2;
  }
  tell();
}
