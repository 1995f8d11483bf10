// Threads that keep vectors, rounding modes and a deep floating-point stack in registers all the time, and count when one
// is not what it was; others that wait. Prints the counts at SIGTERM. With an argument, system calls are filtered.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int ended;
static _Atomic long wrong, rounds, interrupted;

static void *compute(void *argument) {
  long seed = (long)argument;
  unsigned mode = 0x1f80 | (unsigned)(seed % 4) << 13, kept_mode;
  asm volatile("ldmxcsr %0" ::"m"(mode));
  unsigned long low = 0x1234567890abcdefu * (unsigned long)seed, kept_low;
  double deep = 0.125 * (double)seed, kept_deep;
  asm volatile("movq %0, %%xmm15; fldl %1" ::"r"(low), "m"(deep) : "xmm15");
  while (!ended) {
    for (int i = 0; i < 100000; i++) asm volatile("" ::: "memory");
    asm volatile("movq %%xmm15, %0; fstl %1; stmxcsr %2" : "=r"(kept_low), "=m"(kept_deep), "=m"(kept_mode));
    if (kept_low != low || kept_deep != deep || (kept_mode & 0xffc0) != mode) wrong++;
    rounds++;
  }
  asm volatile("fstp %%st(0)" ::: "st");
  return argument;
}

static void *wait_for_nothing(void *argument) {
  while (!ended)
    if (poll(0, 0, 20) < 0) interrupted++;
  return argument;
}

static void end(int number) { ended = number; }

int main(int count, char **arguments) {
  (void)arguments;
  struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  struct sock_fprog filter = {1, &allow};
  if (count > 1 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))) return 1;
  signal(SIGTERM, end);
  pthread_t threads[3];
  pthread_create(&threads[0], 0, compute, (void *)1);
  pthread_create(&threads[1], 0, compute, (void *)2);
  pthread_create(&threads[2], 0, wait_for_nothing, 0);
  puts("ready");
  fflush(stdout);
  while (!ended)
    if (usleep(50000) < 0 && !ended) interrupted++;
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  int status;
  long children = waitpid(-1, &status, __WALL | WNOHANG) >= 0 || errno != ECHILD;
  printf("wrong %ld\nrounds %ld\ninterrupted %ld\nchildren %ld\n", wrong, rounds, interrupted, children);
}
