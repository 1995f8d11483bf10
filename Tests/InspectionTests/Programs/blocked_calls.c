// Waits in many kinds of system calls, a thread each, and counts those that return and those that fail with EINTR.
// One more thread has a handler for SIGRTMIN, which queues. Prints the counts at SIGTERM.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
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
static int semaphore_id = -1, queue_id = -1;
static void *in_semop(void *argument) {
  semaphore_id = semget(IPC_PRIVATE, 1, 0600);
  for (;;) {
    long result = semop(semaphore_id, &(struct sembuf){0, -1, 0}, 1);
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

static void *in_receive(void *argument) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  struct timeval limit = {1000, 0};
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char byte;
  struct iovec area = {&byte, 1};
  struct msghdr message = {.msg_iov = &area, .msg_iovlen = 1};
  for (;;) count(recvmsg(ends[0], &message, 0));
  return argument;
}
static void *in_send(void *argument) {
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  struct timeval limit = {1000, 0};
  setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  static char page[4096];
  while (send(ends[0], page, sizeof page, MSG_DONTWAIT) > 0) {}
  for (;;) count(send(ends[0], page, sizeof page, 0));
  return argument;
}
static void *in_message(void *argument) {
  struct { long kind; char text[1]; } message;
  queue_id = msgget(IPC_PRIVATE, 0600);
  for (;;) {
    long result = msgrcv(queue_id, &message, 1, 0, 0);
    count(result);
    if (result < 0 && errno != EINTR) return argument;
  }
}
static void *in_wait(void *argument) {
  pid_t child = fork();
  if (!child) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  for (;;) count(waitpid(child, 0, 0));
  return argument;
}
static void *in_timed_futex(void *argument) {
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  for (;;) count(sem_timedwait(&semaphore, &(struct timespec){1u << 31, 0}));
  return argument;
}
static void *in_timed_poll(void *argument) {
  struct pollfd wait = {pipe_ends[0], POLLIN, 0};
  for (;;) count(ppoll(&wait, 1, &(struct timespec){1000, 0}, 0));
  return argument;
}
static void *in_absolute_sleep(void *argument) {
  for (;;) count(-!!(errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){1u << 31, 0}, 0)));
  return argument;
}
static void *in_lock(void *argument) {
  // An open file description's lock: a second description of the same file waits.
  char name[] = "/tmp/heaptap-lock-XXXXXX";
  int one = mkstemp(name), other = open(name, O_RDWR);
  unlink(name);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  fcntl(one, F_OFD_SETLK, &lock);
  for (;;) count(fcntl(other, F_OFD_SETLKW, &lock));
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
  void *(*waits[])(void *) = {
      in_epoll,  in_short_epoll, in_sleep,       in_long_sleep, in_read, in_futex,        in_poll,
      in_select, in_semop,       in_signal_wait, in_accept,     in_receive, in_send,      in_message,
      in_wait,   in_timed_futex, in_timed_poll,  in_absolute_sleep,         in_lock,      in_pause,
  };
  for (unsigned index = 0; index < sizeof waits / sizeof *waits; index++) {
    pthread_t id;
    if (pthread_create(&id, 0, waits[index], 0)) abort();
  }
  usleep(100000);
  if (write(1, "ready\n", 6) != 6) return 1;
  int number;
  sigdelset(&set, SIGRTMIN);
  sigwait(&set, &number);
  semctl(semaphore_id, 0, IPC_RMID);
  msgctl(queue_id, IPC_RMID, 0);
  printf("returned %ld\ninterrupted %ld\nsignals %ld\n", returned, interrupted, signals);
  return 0;
}
