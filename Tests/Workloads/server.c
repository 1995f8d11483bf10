// Answers requests until it is told to stop: one call path leaks 128 bytes each time, another does
// not. Ends by itself after N seconds (60 without an argument).
#include <time.h>

#include "truth.h"

static void *volatile last;

__attribute__((noinline)) static void leak(void) { last = took(malloc(128), 128); }
__attribute__((noinline)) static void handle_b(void) { leak(); }
__attribute__((noinline)) static void handle_a(void) { handle_b(); }

__attribute__((noinline)) static void steady(void) {
  free(gave(took(malloc(256), 256), 256));
}
__attribute__((noinline)) static void handle_d(void) { steady(); }
__attribute__((noinline)) static void handle_c(void) { handle_d(); }

static volatile sig_atomic_t stop;
static void on_term(int unused) { stop = unused; }

int main(int count, char **arguments) {
  signal(SIGTERM, on_term);
  long requests = 1000L * (count > 1 ? atoi(arguments[1]) : 60);
  for (long i = 0; i < requests && !stop; i++) {
    handle_a();
    handle_c();
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
  }
  tell();
}
