#include "CDemangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

// What a demangler writes piece by piece. A short symbol can stand for an endless name, so the writer leaves the
// demangler, which keeps everything on its stack, as soon as the buffer is full.
struct output {
  char *buffer;
  size_t count, capacity;
  jmp_buf full;
};

static void append(const char *piece, size_t length, void *opaque) {
  struct output *output = opaque;
  if (length >= output->capacity - output->count) longjmp(output->full, 1);
  memcpy(output->buffer + output->count, piece, length);
  output->count += length;
}

typedef int demangler(const char *, int, demangle_callbackref, void *);

static bool run(demangler *demangle, const char *symbol, char *buffer, size_t capacity) {
  struct output output = {.buffer = buffer, .capacity = capacity};
  if (capacity == 0 || setjmp(output.full)) return false;
  // Without DMGL_NO_RECURSE_LIMIT, libiberty gives up on symbols that nest too deeply for its stack.
  if (!demangle(symbol, DMGL_PARAMS | DMGL_ANSI, append, &output)) return false;
  buffer[output.count] = 0;
  return output.count > 0;
}

bool cdemangle_cplusplus(const char *symbol, char *buffer, size_t capacity) {
  return run(cplus_demangle_v3_callback, symbol, buffer, capacity);
}

bool cdemangle_rust(const char *symbol, char *buffer, size_t capacity) {
  return run(rust_demangle_callback, symbol, buffer, capacity);
}

// swift/Runtime/… declares it for C++ only. At most `*size` bytes are written; `*size` becomes what was needed.
char *swift_demangle(const char *symbol, size_t length, char *buffer, size_t *size, uint32_t flags);

bool cdemangle_swift(const char *symbol, size_t length, char *buffer, size_t capacity) {
  size_t size = capacity;
  return capacity > 0 && swift_demangle(symbol, length, buffer, &size, 0) == buffer && size <= capacity;
}
