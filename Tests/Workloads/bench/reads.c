// Preloaded into a server that allocates by a shared library and reads its requests in one thread: how that gets on, in
// its own CPU time. A turn is a read, and they differ too much for single slow bins to stand out (progress.h), so that
// bins are told apart by what the thread sees itself: breakpoints where the functions of its allocator begin.
//
// What turns took in bins with breakpoints and in those beside them, beyond what they took in the others of the same
// second, is lost. Prints lines as progress.h does; the share is negative where it is by chance. A second that has only
// such bins is compared with the last that had others.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Of some 1 ms each; a second of a thread that waits much has as many as a busy one.
enum { BINS = 4096, CODE_BYTES = 64 };
enum { PROBED = 1, BESIDE = 2 };

struct bin {
  double time;
  long turns;
  int probed;
};

static const char *const names[] = {"malloc", "free", "calloc", "realloc"};
enum { NAMES = sizeof names / sizeof *names };

static ssize_t (*next_read)(int, void *, size_t);
static pthread_t server;
static const unsigned char *code[NAMES];
static unsigned char usual_code[NAMES][CODE_BYTES];
static struct bin bins[BINS];
static int known;
static double bin_began, bin_wall, second_wall, usual;
static long turns;
static int probed;

static double clock_now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

__attribute__((constructor)) static void begin(void) {
  server = pthread_self();
  for (int name = 0; name < NAMES; name++) {
    code[name] = dlsym(RTLD_DEFAULT, names[name]);
    memcpy(usual_code[name], code[name], CODE_BYTES);
  }
}

static int has_breakpoints(void) {
  for (int name = 0; name < NAMES; name++)
    if (memcmp(code[name], usual_code[name], CODE_BYTES)) return 1;
  return 0;
}

static void report(double wall) {
  double all = 0, other = 0, lost = 0, longest = 0;
  long all_turns = 0, other_turns = 0;
  for (int bin = 0; bin < known; bin++) {
    int beside = (bin && bins[bin - 1].probed & PROBED) || (bin + 1 < known && bins[bin + 1].probed & PROBED);
    if (beside) bins[bin].probed |= BESIDE;
  }
  for (int bin = 0; bin < known; bin++) {
    all += bins[bin].time;
    all_turns += bins[bin].turns;
    if (bins[bin].time > longest) longest = bins[bin].time;
    if (bins[bin].probed) continue;
    other += bins[bin].time;
    other_turns += bins[bin].turns;
  }
  if (other_turns > 1000) usual = other / other_turns;
  for (int bin = 0; bin < known; bin++)
    if (bins[bin].probed) lost += bins[bin].time - usual * bins[bin].turns;
  if (usual && all > 0) {
    printf("reads %.0f %.5f %.3f 0\n", all_turns / all, lost / all, 1e3 * longest);
    fflush(stdout);
  }
  known = 0;
  second_wall = wall;
}

static void end_bin(double wall) {
  double now = clock_now(CLOCK_THREAD_CPUTIME_ID);
  if (bin_began) bins[known++] = (struct bin){now - bin_began, turns, probed || has_breakpoints() ? PROBED : 0};
  turns = 0;
  if (known == BINS || wall - second_wall >= 1) report(wall);
  bin_began = clock_now(CLOCK_THREAD_CPUTIME_ID);
  bin_wall = wall;
  probed = has_breakpoints();
}

ssize_t read(int descriptor, void *buffer, size_t size) {
  // Constructors of other libraries may read before this one's has run.
  if (!next_read) next_read = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
  ssize_t count = next_read(descriptor, buffer, size);
  if (!pthread_equal(pthread_self(), server)) return count;
  turns++;
  double wall = clock_now(CLOCK_MONOTONIC);
  if (wall - bin_wall >= 1e-3) end_bin(wall);
  return count;
}
