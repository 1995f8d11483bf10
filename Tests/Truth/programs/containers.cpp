// Maps, strings, vectors and exceptions of the C++ library.
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

int main() {
  std::map<std::string, std::vector<int>> lists;
  unsigned seed = 7;
  for (int i = 0; i < 20000; i++) {
    seed = seed * 1664525 + 1013904223;
    auto &list = lists["a key that is too long for a short string " + std::to_string(seed % 500)];
    list.push_back(i);
    try {
      if (list.size() % 37 == 0) throw std::runtime_error("at " + std::to_string(i));
    } catch (const std::exception &) {
      list.clear();
      list.shrink_to_fit();
    }
  }
  auto kept = std::make_unique<std::map<std::string, std::vector<int>>>(lists);
  return kept->size() == lists.size() ? 0 : 1;
}
