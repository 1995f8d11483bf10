// Makes objects of classes of every shape, prints how many there are of each, and waits; ends at SIGTERM.
//
// A line for each: number, usable bytes of each, name of the type as demangled.
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

struct Plain {
  long number, other, third;
};

struct Base {
  virtual ~Base() {}
  int number = 7;
};

struct Derived : Base {
  double values[3] = {1, 2, 3};
};

struct Second {
  virtual ~Second() {}
  long number = 8;
};

struct Both : Base, Second {
  long more = 9;
};

struct Left : virtual Base {
  long left = 1;
};

struct Right : virtual Base {
  long right = 2;
};

struct Diamond : Left, Right {
  long bottom = 3;
};

namespace ns {
template <class T> struct Box : Base {
  T value{};
};
namespace {
struct Hidden : Base {
  long more[4] = {1};
};
}  // namespace
}  // namespace ns

static std::vector<void *> kept;

template <class T> static void make(int count, const char *name) {
  for (int i = 0; i < count; i++) {
    T *object = new T;
    kept.push_back(dynamic_cast<void *>(object));
  }
  printf("%d %zu %s\n", count, malloc_usable_size(kept.back()), name);
}

int main() {
  kept.reserve(10000);
  make<Base>(1000, "Base");
  make<Derived>(700, "Derived");
  make<Both>(300, "Both");
  make<Diamond>(200, "Diamond");
  make<Left>(150, "Left");
  make<ns::Box<int>>(250, "ns::Box<int>");
  make<ns::Box<std::string>>(50, "ns::Box<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > >");
  make<ns::Hidden>(120, "ns::(anonymous namespace)::Hidden");
  struct Local : Second {};
  make<Local>(30, "main::Local");
  for (int i = 0; i < 40; i++) kept.push_back(new Derived[3]);
  printf("40 %zu Derived[]\n", malloc_usable_size((char *)kept.back() - 8));
  static std::vector<std::shared_ptr<Derived>> shared;
  shared.reserve(60);
  for (int i = 0; i < 60; i++) shared.push_back(std::make_shared<Derived>());
  printf("60 56 std::_Sp_counted_ptr_inplace<Derived, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>\n");
  for (int i = 0; i < 500; i++) {
    Plain *plain = new Plain;
    *plain = {1, 2, 3};
    kept.push_back(plain);
  }
  printf("500 24 24 bytes\n");
  for (int i = 0; i < 90; i++) {
    char *text = (char *)malloc(200);
    snprintf(text, 200, "text number %d, of some length", i);
    kept.push_back(text);
  }
  printf("90 200 string\n");
  for (int i = 0; i < 80; i++) kept.push_back(calloc(1, 3000));
  printf("80 3000 zero\n");
  for (int i = 0; i < 70; i++) {
    void **table = (void **)calloc(100, sizeof(void *));
    for (int j = 0; j < 50; j++) table[j] = kept[i + j];
    kept.push_back(table);
  }
  printf("70 808 pointers\n");
  printf("ready\n");
  fflush(stdout);
  for (;;) usleep(100000);
}
