// Waits in the kernel, where nothing stops it, for its vfork child; the child waits for SIGTERM. Says when it is over.
#define _GNU_SOURCE
#include <signal.h>
#include <unistd.h>

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, 0);
  if (vfork() == 0) {
    if (write(1, "ready\n", 6) == 6) sigwaitinfo(&set, 0);
    _exit(0);
  }
  return write(1, "after\n", 6) != 6;
}
