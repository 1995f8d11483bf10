// Waits for some seconds for a child of vfork(2): nobody can stop it meanwhile.
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

int main(void) {
  if (write(1, "ready\n", 6) != 6) return 1;
  if (vfork() == 0) {
    sleep(4);
    _exit(0);
  }
  puts("after");
  return 0;
}
