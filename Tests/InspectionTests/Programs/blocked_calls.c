// Waits in many kinds of system calls, a thread each, and counts those that return and those that fail with EINTR.
// One more thread has a handler for SIGRTMIN, which queues. Prints the counts at SIGTERM.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static _Atomic long returned, interrupted, signals;
static int pipe_ends[2];

static void count(long result) {
  returned++;
  if (result < 0 && errno == EINTR) interrupted++;
}

static void *in_epoll(void *argument) {
  int queue = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(queue, EPOLL_CTL_ADD, pipe_ends[0], &event);
  for (;;) count(epoll_wait(queue, &event, 1, -1));
  return argument;
}
static void *in_short_epoll(void *argument) {
  int queue = epoll_create1(0);
  struct epoll_event event;
  for (;;) count(epoll_wait(queue, &event, 1, 20));
  return argument;
}
static void *in_sleep(void *argument) {
  for (;;) count(nanosleep(&(struct timespec){0, 3000000}, 0));
  return argument;
}
static void *in_long_sleep(void *argument) {
  for (;;) count(nanosleep(&(struct timespec){1000, 0}, 0));
  return argument;
}
static void *in_read(void *argument) {
  char byte;
  for (;;) count(read(pipe_ends[0], &byte, 1));
  return argument;
}
static void *in_futex(void *argument) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  for (;;) count(sem_wait(&semaphore));
  return argument;
}
static void *in_poll(void *argument) {
  struct pollfd wait = {pipe_ends[0], POLLIN, 0};
  for (;;) count(poll(&wait, 1, 100000));
  return argument;
}
static void *in_select(void *argument) {
  for (;;) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_ends[0], &set);
    count(select(pipe_ends[0] + 1, &set, 0, 0, 0));
  }
  return argument;
}
static void *in_semop(void *argument) {
  int id = semget(IPC_PRIVATE, 1, 0600);
  for (;;) {
    long result = semop(id, &(struct sembuf){0, -1, 0}, 1);
    count(result);
    if (result < 0 && errno != EINTR) return argument;
  }
}
static void *in_signal_wait(void *argument) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, 0);
  for (;;) count(sigtimedwait(&set, 0, &(struct timespec){1000, 0}));
  return argument;
}
static void *in_accept(void *argument) {
  int socket_end = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {AF_UNIX, ""};
  bind(socket_end, (void *)&name, sizeof name.sun_family);
  listen(socket_end, 1);
  struct timeval limit = {1000, 0};
  setsockopt(socket_end, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (;;) count(accept(socket_end, 0, 0));
  return argument;
}

static void *in_pause(void *argument) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  pthread_sigmask(SIG_UNBLOCK, &set, 0);
  for (;;) pause();
  return argument;
}

static void handle(int number) { signals += number != 0; }

int main(void) {
  struct sigaction action = {.sa_handler = handle};
  sigaction(SIGRTMIN, &action, 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, 0);
  if (pipe(pipe_ends)) return 1;
  void *(*waits[])(void *) = {in_epoll,  in_short_epoll, in_sleep,  in_long_sleep,  in_read,   in_futex,
                              in_poll,   in_select,      in_semop,  in_signal_wait, in_accept, in_pause};
  for (unsigned index = 0; index < sizeof waits / sizeof *waits; index++) {
    pthread_t id;
    if (pthread_create(&id, 0, waits[index], 0)) abort();
  }
  usleep(100000);
  if (write(1, "ready\n", 6) != 6) return 1;
  int number;
  sigdelset(&set, SIGRTMIN);
  sigwait(&set, &number);
  printf("returned %ld\ninterrupted %ld\nsignals %ld\n", returned, interrupted, signals);
  return 0;
}
