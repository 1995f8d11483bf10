// operator new fails and throws; what is caught stays caught, and everything that is allocated afterwards counts, at
// whatever depth. A new_handler gives back a block that its caller knows, after which the same call succeeds.
#include <new>
#include <sys/resource.h>

#include "../truth.h"

static volatile size_t huge = (size_t)1 << 62;
static uint64_t caught;
static char *reserve;
static const size_t reserve_bytes = 64 << 20, wanted_bytes = 32 << 20;

static void own_deep(int depth) {
  char room[256];
  room[0] = (char)depth;
  if (depth && room[0]) return own_deep(depth - 1);
  char *block = static_cast<char *>(took(::operator new(70), 70));
  ::operator delete(gave(block, 70));
  took(malloc(9), 9);
}

__attribute__((noinline)) static void own_failures(int depth) {
  if (depth) return own_failures(depth - 1);
  try {
    took(::operator new(huge), huge);
  } catch (const std::bad_alloc &) {
    caught++;
    own_deep(3);
  }
  try {
    took(::operator new[](huge, std::align_val_t{128}), 0);
  } catch (const std::bad_alloc &) {
    caught++;
  }
  took(::operator new(33), 33);
}

struct Refused {};

static void refuse() { throw Refused(); }

static void give_back() {
  std::set_new_handler(nullptr);
  delete[] static_cast<char *>(gave(reserve, reserve_bytes));
}

static void own_handler() {
  reserve = static_cast<char *>(took(new char[reserve_bytes], reserve_bytes));
  struct rlimit limit = {}, before = {};
  getrlimit(RLIMIT_AS, &before);
  limit = before;
  limit.rlim_cur = 64 << 20;  // less than is in use: no more from the kernel
  setrlimit(RLIMIT_AS, &limit);
  std::set_new_handler(give_back);
  void *block = ::operator new(wanted_bytes, std::nothrow);
  setrlimit(RLIMIT_AS, &before);
  if (!block) _exit(97);
  ::operator delete(gave(took(block, wanted_bytes), wanted_bytes));
}

int main(int count, char **arguments) {
  for (int i = 0; i < 20; i++) {
    own_failures(i % 5);
    own_deep(10);
  }
  std::set_new_handler(refuse);
  try {
    took(::operator new(huge), huge);
  } catch (const Refused &) {
    caught++;
  }
  std::set_new_handler(nullptr);
  own_deep(1);
  if (count > 1 && arguments[1][0] == 'h') own_handler();
  own_deep(2);
  tell_one("caught", caught);
  tell();
}
