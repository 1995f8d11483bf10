// A map of strings of a fixed number of keys, ever changing; answers every line of input: churning MILLISECONDS
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  std::map<int, std::string> table;
  unsigned state = 1;
  pollfd input = {0, POLLIN, 0};
  for (;;) {
    if (poll(&input, 1, std::atoi(argv[1])) > 0) {
      char line[64];
      if (read(0, line, sizeof line) <= 0) return 0;
      if (write(1, "ok\n", 3) != 3) return 1;
    }
    for (int i = 0; i < 20; i++) {
      state = state * 1664525 + 1013904223;
      int key = state >> 24;
      if (state >> 16 & 1) table[key] = std::string(16 + (state >> 20 & 127), 'x');
      else table.erase(key);
    }
  }
}
