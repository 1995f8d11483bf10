// Linux interfaces that Swift's Glibc module does not export, and the few calls Swift can't make safely.
// No policy: every function does one thing and reports like the call it wraps (-1 and errno).
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

/// pidfd_open(2).
int linux_pidfd_open(pid_t pid, unsigned int flags);

/// Arguments of BPF_LINK_CREATE for uprobe multi links (bpf(2), union bpf_attr `link_create.uprobe_multi`,
/// Linux commit 89ae89f53d20 "bpf: Add multi uprobe link", v6.6).
struct linux_uprobe_multi {
  int program;                        // descriptor of the program
  uint32_t attach_type;               // BPF_TRACE_UPROBE_MULTI or BPF_TRACE_UPROBE_SESSION
  const char *_Nonnull path;          // file whose pages are probed
  const uint64_t *_Nonnull offsets;   // in the file
  const uint64_t *_Nullable cookies;  // bpf_get_attach_cookie(), or NULL
  uint32_t count;                     // of offsets and of cookies
  int is_return;                      // not for sessions
  pid_t pid;                          // 0: all processes
};
enum {
  LINUX_BPF_TRACE_UPROBE_MULTI = 48,
  LINUX_BPF_TRACE_UPROBE_SESSION = 57,  // Linux commit d920179b3d48 "bpf: Add support for uprobe multi session attach", v6.13
};

/// Creates a uprobe multi link: a descriptor, or -1 and errno.
int linux_uprobe_multi_link(const struct linux_uprobe_multi *_Nonnull request);

/// Opens a perf event that records every executable mapping made by tasks on a CPU (perf_event_open(2): a dummy event
/// with mmap2 records, whose time is CLOCK_MONOTONIC): a descriptor, or -1 and errno.
int linux_mapping_events_open(int cpu, uint32_t wakeup_bytes);

/// Both ends of a perf event's ring, in its first page (perf_event_open(2), struct perf_event_mmap_page).
struct linux_perf_ring {
  uint64_t head, tail;                // bytes ever written and read
  uint64_t data_offset, data_size;    // of the ring in the mapped memory, bytes
};
struct linux_perf_ring linux_perf_ring_state(const void *_Nonnull memory);
/// Gives the bytes up to `tail` back to the kernel.
void linux_perf_ring_release(void *_Nonnull memory, uint64_t tail);

/// Starts a command that stops at its first instruction, traced by the calling thread.
///
/// The child resets its signal mask and SIGPIPE, and executes `path`. Returns the pid once it is stopped after
/// execve(2), or -1 with errno set to what failed in the child.
pid_t linux_spawn_traced(const char *_Nonnull path, char *_Nullable const *_Nonnull argv);

/// ptrace(2) requests on a stopped tracee; Swift can't call the variadic function.
int linux_ptrace_options(pid_t pid, unsigned long options);
int linux_ptrace_resume_to_syscall(pid_t pid, int signal);
int linux_ptrace_detach(pid_t pid, int signal);
/// The instruction pointer of a stopped tracee; 0 on failure.
uint64_t linux_ptrace_instruction_pointer(pid_t pid);

/// ptrace(2) of a thread that runs on: PTRACE_SEIZE with options (PTRACE_O_…), PTRACE_INTERRUPT, and the general
/// registers (NT_PRSTATUS) once it is stopped. -1 and errno.
int linux_ptrace_seize(pid_t tid, unsigned long options);
int linux_ptrace_interrupt(pid_t tid);
int linux_ptrace_registers(pid_t tid, struct user_regs_struct *_Nonnull registers);
int linux_ptrace_set_registers(pid_t tid, const struct user_regs_struct *_Nonnull registers);
/// PTRACE_CONT with a signal to deliver, or 0; PTRACE_LISTEN, which leaves a thread stopped that a signal has stopped.
int linux_ptrace_resume(pid_t tid, int signal);
int linux_ptrace_listen(pid_t tid);
/// PTRACE_GETEVENTMSG: of a thread that is about to end its status, as wait(2) has it; 0 on failure.
unsigned long linux_ptrace_event_message(pid_t tid);
/// Takes the next stop of any thread that the calling thread traces, whoever started it: the thread, with a status as
/// waitpid(2) has it, or with status 0 if it has ended, which is not taken. 0: none yet; -1 and errno: none is traced.
pid_t linux_wait_own_tracee(int *_Nonnull status, int waits);
/// waitpid(2) with __WALL and WNOHANG.
pid_t linux_wait_thread(pid_t tid, int *_Nonnull status);

/// Where a process has the instructions `syscall; ret`, and those of a signal's end: `mov $15, %eax; syscall`.
struct linux_twin_code {
  uint64_t call, restore;
};
enum { LINUX_TWIN_STATE_BYTES = 16 << 10 };
/// What makes a stopped thread call clone(2) for a helper, which calls it for a twin, and go on as it was.
struct linux_twin_steps {
  uint64_t address;               // where the bytes belong, below the thread's stack pointer
  size_t count;
  struct user_regs_struct entry;  // the registers with which the thread begins
  unsigned char bytes[LINUX_TWIN_STATE_BYTES + 4096];
};
/// Builds the steps for a thread that is stopped by ptrace(2); changes nothing. -1 and errno: ENOTSUP for a thread whose
/// floating-point registers can't be put back.
int linux_twin_steps(pid_t tid, const struct linux_twin_code *_Nonnull code, struct linux_twin_steps *_Nonnull steps);

/// Writes their bytes to the memory of the process (process_vm_writev(2)). -1 and errno.
int linux_write_twin_steps(pid_t pid, const struct linux_twin_steps *_Nonnull steps);

/// process_vm_readv(2) of one range: the bytes copied, which may be fewer, or -1 and errno.
ssize_t linux_read_memory(pid_t pid, uint64_t address, void *_Nonnull buffer, size_t count);

/// mmap(2) of private anonymous memory that is not accounted for before it is written; NULL and errno.
void *_Nullable linux_reserve_memory(size_t count);
/// madvise(2), MADV_POPULATE_WRITE, in huge pages where there is room for them: copying into these and reading them takes
/// about half the time. -1 and errno.
int linux_populate_memory(void *_Nonnull memory, size_t count);

/// Pages that follow each other and are of one kind (struct page_region of <linux/fs.h>).
struct linux_page_run {
  uint64_t start, end;  // addresses
  uint64_t categories;
};
/// Categories of pages (Documentation/admin-guide/mm/pagemap.rst).
enum {
  LINUX_PAGE_IS_FILE = 1 << 2,
  LINUX_PAGE_IS_PRESENT = 1 << 3,
  LINUX_PAGE_IS_SWAPPED = 1 << 4,
  LINUX_PAGE_IS_ZERO = 1 << 5,   // the kernel's page of zeroes
  LINUX_PAGE_IS_GUARD = 1 << 8,  // looks swapped, too; kernels that do not know this category refuse it
};

/// Runs of pages from `*start` to `end` that are in memory or swapped, with those of `categories` that each has, and moves
/// `*start` to where the search ended: the number of runs, or -1 and errno. PAGEMAP_SCAN, Linux commit 52526ca7fdb9, v6.7.
int linux_scan_pages(int pagemap, uint64_t *_Nonnull start, uint64_t end, uint64_t categories,
                     struct linux_page_run *_Nonnull runs, size_t capacity);

/// ioctl(TIOCGWINSZ): columns of a terminal, 0 if it is none.
int linux_terminal_columns(int descriptor);

/// Blocks signals in the calling thread and returns a signalfd for them, or -1 and errno.
int linux_block_signals(const int *_Nonnull signals, size_t count);


/// Sends a datagram to the socket at a path (unix(7); a name that begins with @ is an abstract one): 0, or -1 and errno.
int linux_send_datagram(const char *_Nonnull path, const void *_Nonnull bytes, size_t count);
/// Whether somebody accepts connections on the stream socket at a path: 0, or -1 and errno.
int linux_probe_stream_socket(const char *_Nonnull path);

/// memfd_create(2), closed on exec; open(2) with O_TMPFILE in a folder, to be given a name by linkat(2).
int linux_memory_file(const char *_Nonnull name);
int linux_unnamed_file(int folder);

/// Sends one packet on a SOCK_SEQPACKET socket, with descriptors (unix(7), SCM_RIGHTS): the bytes sent, or -1 and errno.
/// Never raises SIGPIPE; `flags` as in sendmsg(2).
ssize_t linux_send_packet(int socket, const void *_Nonnull bytes, size_t count, const int *_Nullable descriptors,
                          size_t descriptor_count, int flags);

/// Receives one packet, with at most `*descriptor_count` descriptors, which are close-on-exec; more are closed by the
/// kernel. Returns its bytes, 0 at the end, or -1 and errno: EMSGSIZE for a packet that does not fit.
ssize_t linux_receive_packet(int socket, void *_Nonnull bytes, size_t capacity, int *_Nullable descriptors,
                             size_t *_Nonnull descriptor_count, int flags);

/// Waits until a descriptor can be read, for at most so many milliseconds: 1, 0 or -1 and errno. poll(2).
int linux_wait_readable(int descriptor, int milliseconds);

/// Starts a program in a process group of its own, with `socket` as descriptor `as`, /dev/null as 0 to 2 and no other
/// descriptor. Returns its pid, or -1 and errno. posix_spawn(3).
pid_t linux_spawn_helper(const char *_Nonnull path, char *_Nullable const *_Nonnull argv, int socket, int as);

/// Opens a folder with O_PATH. open(2)
int linux_open_folder(const char *_Nonnull path);

/// Opens a file for reading below a folder, whose `/` and `..` lead no further up. openat2(2), RESOLVE_IN_ROOT;
/// -1 and errno.
int linux_open_below(int folder, const char *_Nonnull path);

/// Gives up every privilege for good: root becomes `user` and `group`, anybody else keeps what he is; no capability
/// is left or can be gained. -1 and errno.
int linux_drop_privileges(uid_t user, gid_t group);
/// prctl(PR_SET_PDEATHSIG, SIGKILL). A change of credentials undoes it.
int linux_die_with_parent(void);
/// setrlimit(2), soft and hard.
int linux_limit_data(uint64_t byte_count);
int linux_limit_descriptors(uint64_t count);
int linux_forbid_core_dumps(void);
/// setitimer(2): the process is killed after that much CPU time, or that much time; 0 disarms.
void linux_arm_deadline(unsigned cpu_seconds, unsigned seconds);

/// wait(2) macros.
static inline int linux_exited(int status) { return WIFEXITED(status); }
static inline int linux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int linux_signaled(int status) { return WIFSIGNALED(status); }
static inline int linux_termination_signal(int status) { return WTERMSIG(status); }
static inline int linux_stopped(int status) { return WIFSTOPPED(status); }
static inline int linux_stop_signal(int status) { return WSTOPSIG(status); }
/// The PTRACE_EVENT_… of a stop, 0 for a signal on its way.
static inline int linux_stop_event(int status) { return status >> 16; }

/// Functions that begin with one instruction of a class each, to measure what a probe on it costs.
/// Each returns at once and leaves every register that matters as it was.
enum linux_probe_subject {
  LINUX_SUBJECT_PUSH,        // push %rbp
  LINUX_SUBJECT_PUSH_REX,    // push %r12
  LINUX_SUBJECT_JMP_SHORT,
  LINUX_SUBJECT_JMP_NEAR,
  LINUX_SUBJECT_JCC_SHORT,
  LINUX_SUBJECT_JCC_NEAR,
  LINUX_SUBJECT_CALL_NEAR,
  LINUX_SUBJECT_NOP,         // 0x90
  LINUX_SUBJECT_ENDBR64,
  LINUX_SUBJECT_OTHER,       // test %rdi,%rdi
  LINUX_SUBJECT_COUNT,
};
/// The address of the first instruction of a subject.
const void *_Nonnull linux_probe_subject_address(unsigned subject);
/// Nanoseconds per call of a subject over `calls` calls, by CLOCK_MONOTONIC: the least of five rounds.
double linux_probe_subject_cost(unsigned subject, unsigned calls);
