// Processes that work for this one: how they are started, talked to and confined.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "CLinux.h"

enum { MOST_DESCRIPTORS = 4 };

ssize_t linux_send_packet(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count,
                          int flags) {
  union {
    char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    struct cmsghdr header;
  } control = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor_count > MOST_DESCRIPTORS) return errno = EINVAL, -1;
  if (descriptor_count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), descriptors, descriptor_count * sizeof(int));
  }
  ssize_t sent;
  while ((sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL)) < 0 && errno == EINTR) {}
  return sent;
}

ssize_t linux_receive_packet(int socket, void *bytes, size_t capacity, int *descriptors, size_t *descriptor_count,
                             int flags) {
  union {
    char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    struct cmsghdr header;
  } control;
  size_t room = *descriptor_count < MOST_DESCRIPTORS ? *descriptor_count : MOST_DESCRIPTORS;
  struct iovec part = {.iov_base = bytes, .iov_len = capacity};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (room > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(room * sizeof(int));
  }
  *descriptor_count = 0;
  ssize_t received;
  while ((received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {}
  if (received < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
      // Padding of the control message may hold one more than was asked for.
      if (*descriptor_count < room) descriptors[(*descriptor_count)++] = descriptor;
      else close(descriptor);
    }
  }
  if (message.msg_flags & MSG_TRUNC) {
    while (*descriptor_count > 0) close(descriptors[--*descriptor_count]);
    return errno = EMSGSIZE, -1;
  }
  return received;
}

int linux_wait_readable(int descriptor, int milliseconds) {
  struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
  return poll(&wanted, 1, milliseconds);
}

pid_t linux_spawn_helper(const char *path, char *const *argv, int socket, int as) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  pid_t pid = -1;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // dup2 of a descriptor to itself makes it survive exec, too (POSIX.1-2024, glibc 2.29).
  posix_spawn_file_actions_adddup2(&actions, socket, as);
  for (int i = 0; i < 3; i++) posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, as + 1);
  // A group of its own: Ctrl-C is for this process, which still wants its last answers.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int error = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error ? errno = error, -1 : pid;
}

int linux_open_folder(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

int linux_open_below(int folder, const char *path) {
  // A FIFO or terminal can't block or capture the caller.
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT};
  return syscall(SYS_openat2, folder, path, &how, sizeof how);
}

int linux_drop_privileges(uid_t user, gid_t group) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  if (geteuid() == 0 && (setgroups(0, 0) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0))
    return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct nothing[_LINUX_CAPABILITY_U32S_3] = {0};
  return syscall(SYS_capset, &header, nothing);
}

int linux_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

static int limit(int resource, rlim_t value) {
  struct rlimit both = {value, value};
  return setrlimit(resource, &both);
}
int linux_limit_data(uint64_t byte_count) { return limit(RLIMIT_DATA, byte_count); }
int linux_limit_descriptors(uint64_t count) { return limit(RLIMIT_NOFILE, count); }
int linux_forbid_core_dumps(void) { return limit(RLIMIT_CORE, 0); }

void linux_arm_deadline(unsigned cpu_seconds, unsigned seconds) {
  struct itimerval cpu = {.it_value.tv_sec = cpu_seconds}, wall = {.it_value.tv_sec = seconds};
  setitimer(ITIMER_PROF, &cpu, 0);
  setitimer(ITIMER_REAL, &wall, 0);
}
