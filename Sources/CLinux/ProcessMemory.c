#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "CLinux.h"

int linux_ptrace_seize(pid_t tid) { return ptrace(PTRACE_SEIZE, tid, 0, 0); }
int linux_ptrace_interrupt(pid_t tid) { return ptrace(PTRACE_INTERRUPT, tid, 0, 0); }

int linux_ptrace_registers(pid_t tid, struct user_regs_struct *registers) {
  struct iovec area = {registers, sizeof *registers};
  return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &area);
}

int linux_ptrace_set_registers(pid_t tid, const struct user_regs_struct *registers) {
  struct iovec area = {(void *)registers, sizeof *registers};
  return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &area);
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
  return madvise(memory, count, POPULATE_WRITE);
}
