// Maps of strings that are inserted into and erased from: map [BYTES]: so many bytes a second are leaked.
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "progress.h"

static constexpr long leaked = 64;
static constexpr unsigned keys = 50000;

[[gnu::noinline]] static void forget() {
  volatile char *block = new char[leaked];
  block[0] = 1;
}

int main(int count, char **arguments) {
  static struct progress progress;
  std::map<std::string, int> ordered;
  std::unordered_map<std::string, std::string> hashed;
  std::vector<std::string> names;
  hashed.reserve(keys);
  for (unsigned i = 0; i < keys; i++) names.push_back("the-key-of-an-entry-number-" + std::to_string(i));
  unsigned state = 12345;
  auto any = [&] {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % keys;
  };
  for (unsigned i = 0; i < 4 * keys; i++) {
    const std::string &name = names[any()];
    if (!ordered.erase(name)) ordered.emplace(name, i);
    if (!hashed.erase(name)) hashed.emplace(name, name + " and its value");
  }
  progress_begin(&progress, "map", count > 1 ? atof(arguments[1]) : 0, leaked);
  for (unsigned i = 0;; i++) {
    const std::string &name = names[any()];
    if (!ordered.erase(name)) ordered.emplace(name, i);
    if (!hashed.erase(name)) hashed.emplace(name, name + " and its value");
    if (progress_turn(&progress)) forget();
  }
}
