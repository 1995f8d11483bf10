// Fills its heap and execs itself; only what follows the last exec is told.
#include "truth.h"

int main(int count, char **arguments) {
  for (int i = 0; i < 40; i++) took(malloc(75), 75);
  if (count < 3) {
    char *next[] = {arguments[0], "again", count > 1 ? "last" : NULL, NULL};
    execve("/proc/self/exe", next, environ);
    return 1;
  }
  free(gave(took(malloc(10), 10), 10));
  tell();
}
