#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>

int linux_pidfd_open(pid_t pid, unsigned int flags) { return syscall(SYS_pidfd_open, pid, flags); }

int linux_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int linux_unnamed_file(int folder) { return openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600); }

// Debian 12's <linux/bpf.h> ends before this link type, so the attributes are laid out here.
struct uprobe_multi_attributes {
  uint32_t program, target, attach_type, flags;
  uint64_t path, offsets, reference_counters, cookies;
  uint32_t count, uprobe_flags, pid, reserved;
};
enum { UPROBE_MULTI_RETURN = 1 };

int linux_uprobe_multi_link(const struct linux_uprobe_multi *request) {
  struct uprobe_multi_attributes attributes = {
      .program = request->program,
      .attach_type = request->attach_type,
      .path = (uintptr_t)request->path,
      .offsets = (uintptr_t)request->offsets,
      .cookies = (uintptr_t)request->cookies,
      .count = request->count,
      .uprobe_flags = request->is_return ? UPROBE_MULTI_RETURN : 0,
      .pid = request->pid,
  };
  return syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof attributes);
}

int linux_mapping_events_open(int cpu, uint32_t wakeup_bytes) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_SOFTWARE,
      .size = sizeof attributes,
      .config = PERF_COUNT_SW_DUMMY,
      .sample_type = PERF_SAMPLE_TIME,
      .mmap = 1,
      .mmap2 = 1,
      .sample_id_all = 1,
      .use_clockid = 1,
      .clockid = CLOCK_MONOTONIC,
      .watermark = 1,
      .wakeup_watermark = wakeup_bytes,
  };
  return syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

struct linux_perf_ring linux_perf_ring_state(const void *memory) {
  const struct perf_event_mmap_page *page = memory;
  return (struct linux_perf_ring){
      .head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE),
      .tail = page->data_tail,
      .data_offset = page->data_offset,
      .data_size = page->data_size,
  };
}

void linux_perf_ring_release(void *memory, uint64_t tail) {
  __atomic_store_n(&((struct perf_event_mmap_page *)memory)->data_tail, tail, __ATOMIC_RELEASE);
}

pid_t linux_spawn_traced(const char *path, char *const *argv) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -1;
  pid_t pid = fork();
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, 0);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0) execvp(path, argv);
    int error = errno;
    if (write(report[1], &error, sizeof error) < 0) _exit(126);
    _exit(127);
  }
  int saved = errno;
  close(report[1]);
  if (pid > 0) {
    int error = 0, status;
    // The pipe closes by itself at execve; bytes in it are the child's errno.
    ssize_t got;
    while ((got = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {}
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (got == sizeof error) pid = -1, saved = error;
    else if (!WIFSTOPPED(status)) pid = -1, saved = ECHILD;
  }
  close(report[0]);
  errno = saved;
  return pid;
}

int linux_ptrace_options(pid_t pid, unsigned long options) {
  return ptrace(PTRACE_SETOPTIONS, pid, 0, options);
}
int linux_ptrace_resume_to_syscall(pid_t pid, int signal) {
  return ptrace(PTRACE_SYSCALL, pid, 0, (long)signal);
}
int linux_ptrace_detach(pid_t pid, int signal) { return ptrace(PTRACE_DETACH, pid, 0, (long)signal); }

uint64_t linux_ptrace_instruction_pointer(pid_t pid) {
  struct user_regs_struct registers;
  return ptrace(PTRACE_GETREGS, pid, 0, &registers) == 0 ? registers.rip : 0;
}

int linux_terminal_columns(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// The address of a socket in the file system or, with @, an abstract one; its length, or 0 if the path is too long.
static socklen_t unix_address(const char *path, struct sockaddr_un *address) {
  size_t length = strlen(path);
  memset(address, 0, sizeof *address);
  if (length == 0 || length >= sizeof address->sun_path) return 0;
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length);
  if (path[0] == '@') address->sun_path[0] = 0;
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '@'));
}

int linux_send_datagram(const char *path, const void *bytes, size_t count) {
  struct sockaddr_un address;
  socklen_t length = unix_address(path, &address);
  if (length == 0) return errno = ENAMETOOLONG, -1;
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  ssize_t sent = sendto(descriptor, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&address, length);
  int error = errno;
  close(descriptor);
  errno = error;
  return sent == (ssize_t)count ? 0 : -1;
}

int linux_probe_stream_socket(const char *path) {
  struct sockaddr_un address;
  socklen_t length = unix_address(path, &address);
  if (length == 0) return errno = ENAMETOOLONG, -1;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  int result = connect(descriptor, (struct sockaddr *)&address, length);
  int error = errno;
  close(descriptor);
  errno = error;
  return result;
}

int linux_block_signals(const int *signals, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
  if (sigprocmask(SIG_BLOCK, &set, 0) < 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
