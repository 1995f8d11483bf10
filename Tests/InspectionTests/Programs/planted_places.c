// Prints addresses of every kind that it has, one to a line with kind and name, and waits; ends at SIGTERM.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

long table[16];
static __thread long mine[4];
void *held;
static volatile int ready;

static void say(const char *kind, const void *address, const char *name) {
  char line[120];
  int count = snprintf(line, sizeof line, "%s %p %s\n", kind, address, name);
  if (write(1, line, count) != count) _exit(1);
}

static void *other(void *unused) {
  prctl(PR_SET_NAME, "other thread");
  long local = 1;
  say("stack", &local, "other_thread");
  say("tls", &mine[1], "planted_places!mine+0x8");
  ready = 1;
  for (;;) usleep(100000);
  return unused;
}

int main(void) {
  long local = 1;
  held = malloc(100);
  void *cached = malloc(200), *large = malloc(50000), *last = malloc(24);
  free(cached);
  free(large);
  say("live", held, "104");
  say("live", (char *)held + 50, "104");
  say("cached", cached, "200");
  say("free", (char *)large + 49000, "-");
  say("top", (char *)last + 4096, "-");
  say("allocator", (char *)held - 4, "-");
  say("global", &table[2], "planted_places!table+0x10");
  say("global", table, "planted_places!table");
  say("code", (char *)say + 1, "planted_places!say+0x1");
  say("stack", &local, "planted_places");
  say("tls", &mine[0], "planted_places!mine");
  char *mapped = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *gone = mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(gone, 1 << 24);
  say("mapping", mapped + 100, "-");
  say("unmapped", (void *)100, "-");
  pthread_t thread;
  pthread_create(&thread, 0, other, 0);
  while (!ready) usleep(1000);
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) usleep(100000);
}
