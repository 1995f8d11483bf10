#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "CLinux.h"

int linux_ptrace_seize(pid_t tid, unsigned long options) { return ptrace(PTRACE_SEIZE, tid, 0, options); }
int linux_ptrace_interrupt(pid_t tid) { return ptrace(PTRACE_INTERRUPT, tid, 0, 0); }

int linux_ptrace_registers(pid_t tid, struct user_regs_struct *registers) {
  struct iovec area = {registers, sizeof *registers};
  return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &area);
}

int linux_ptrace_set_registers(pid_t tid, const struct user_regs_struct *registers) {
  struct iovec area = {(void *)registers, sizeof *registers};
  return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &area);
}

int linux_ptrace_resume(pid_t tid, int signal) { return ptrace(PTRACE_CONT, tid, 0, (long)signal); }
int linux_ptrace_listen(pid_t tid) { return ptrace(PTRACE_LISTEN, tid, 0, 0); }

unsigned long linux_ptrace_event_message(pid_t tid) {
  unsigned long message = 0;
  return ptrace(PTRACE_GETEVENTMSG, tid, 0, &message) == 0 ? message : 0;
}

pid_t linux_wait_own_tracee(int *status, int waits) {
  siginfo_t information = {0};
  // Ended threads are only looked at: whoever started the process waits for it.
  int options = WSTOPPED | WEXITED | WNOWAIT | __WALL | __WNOTHREAD | (waits ? 0 : WNOHANG);
  if (waitid(P_ALL, 0, &information, options) < 0) return -1;
  pid_t tid = information.si_pid;
  if (tid == 0) return 0;
  if (information.si_code != CLD_TRAPPED && information.si_code != CLD_STOPPED) {
    *status = 0;
    return tid;
  }
  return waitpid(tid, status, __WALL | __WNOTHREAD | WNOHANG);
}

pid_t linux_wait_thread(pid_t tid, int *status) { return waitpid(tid, status, __WALL | WNOHANG); }

ssize_t linux_read_memory(pid_t pid, uint64_t address, void *buffer, size_t count) {
  struct iovec local = {buffer, count}, remote = {(void *)address, count};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

void *linux_reserve_memory(size_t count) {
  void *memory = mmap(0, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? 0 : memory;
}

int linux_populate_memory(void *memory, size_t count) {
  enum { POPULATE_WRITE = 23 };  // MADV_POPULATE_WRITE, Linux commit 4ca9b3859dac, v5.14
  const uintptr_t huge = 2 << 20;
  uintptr_t start = ((uintptr_t)memory + huge - 1) & -huge, end = ((uintptr_t)memory + count) & -huge;
  if (start < end) madvise((void *)start, end - start, MADV_HUGEPAGE);
  return madvise(memory, count, POPULATE_WRITE);
}

// struct pm_scan_arg of <linux/fs.h>, which is younger than many systems' headers.
struct page_scan {
  uint64_t size, flags, start, end, walk_end, runs, capacity, maximum_pages;
  uint64_t inverted, all_of, any_of, returned;
};

int linux_scan_pages(int pagemap, uint64_t *start, uint64_t end, uint64_t categories, struct linux_page_run *runs,
                     size_t capacity) {
  struct page_scan scan = {
      .size = sizeof scan,
      .start = *start,
      .end = end,
      .runs = (uint64_t)runs,
      .capacity = capacity,
      .any_of = LINUX_PAGE_IS_PRESENT | LINUX_PAGE_IS_SWAPPED,
      .returned = categories,
  };
  int count = ioctl(pagemap, _IOWR('f', 16, struct page_scan), &scan);
  if (count >= 0) *start = scan.walk_end;
  return count;
}
