// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Follows targets through fork, exec and exit, and finds new ones where the scope is wider than what user space names.
//
// Each begins or ends an incarnation with a process id of its own, so blocks of a former life can't be mistaken for
// blocks of the present one. The id of an ended process is given out again when user space has read what it left.
// Threads cache their process's id; here nobody else's changes: a new task has no state yet, and exec is done by the
// only thread that is left.
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "thread_state.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void send(struct process_event *event) {
  event->header.time = bpf_ktime_get_ns();
  bpf_get_current_comm(event->name, sizeof event->name);
  if (bpf_ringbuf_output(&process_events, event, sizeof *event, 0)) count_loss(event->header.process, LOSS_EVENT_RING_FULL);
}

static __always_inline void report_process(u32 kind, u32 process, struct task_struct *task, u32 previous) {
  struct process_event event = {
      .header = {.kind = kind, .process = process},
      .tgid = BPF_CORE_READ(task, tgid),
      .previous = previous,
      .start_time = BPF_CORE_READ(task, start_boottime),
  };
  send(&event);
}

// A process id that nobody has; 0 if there is none left.
static __always_inline u32 free_process_id(void) {
  u32 process = 0;
  if (!bpf_map_pop_elem(&free_processes, &process)) return process;
  struct probe_control *c = control_block();
  if (!c || c->last_process_id + 1 >= settings.process_capacity) return 0;
  process = __sync_fetch_and_add(&c->last_process_id, 1) + 1;
  return process < settings.process_capacity ? process : 0;
}

// Makes a thread group a target under a new process id; 0 and a loss if there is no room.
static __always_inline u32 begin_incarnation(u32 tgid, u32 parent, u32 flags) {
  u32 process = free_process_id();
  struct process_record *record = process ? process_record_of(process) : 0;
  if (!record) {
    bpf_map_delete_elem(&targets, &tgid);
    count_loss(parent, LOSS_PROCESS_TABLE_FULL);
    return 0;
  }
  record->tgid = tgid;
  record->parent = parent;
  record->flags = flags;
  struct process_record *parent_record = process_record_of(parent);
  if (flags & PROCESS_INHERITED_HEAP && parent && parent_record) {
    record->generation = parent_record->generation;
    record->code_generation = parent_record->code_generation;
    record->code_slice = parent_record->code_slice;
  }
  if (bpf_map_update_elem(&targets, &tgid, &process, BPF_ANY)) {
    count_loss(parent, LOSS_PROCESS_TABLE_FULL);
    bpf_map_push_elem(&free_processes, &process, 0);
    return 0;
  }
  return process;
}

static __always_inline int is_in_cgroup(void) {
  return bpf_get_current_ancestor_cgroup_id(settings.cgroup_level) == settings.cgroup;
}

// Whether the program that exec has begun is one of those that are observed. User space is asked about each once.
static __always_inline int is_chosen_program(u32 tgid) {
  struct program_event event = {.header = {.kind = EVENT_PROGRAM, .time = bpf_ktime_get_ns()}, .tgid = tgid};
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  bpf_get_current_comm(event.program.name, sizeof event.program.name);
  event.program.inode = BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino);
  event.program.device = BPF_CORE_READ(task, mm, exe_file, f_inode, i_sb, s_dev);
  u32 *choice = bpf_map_lookup_elem(&programs, &event.program);
  if (choice) return *choice == PROGRAM_OBSERVED;
  if (bpf_ringbuf_output(&process_events, &event, sizeof event, 0)) count_loss(0, LOSS_EVENT_RING_FULL);
  return 0;
}

// Whether the program that exec has begun is a target, having been one before or not.
static __always_inline int stays_in_scope(u32 tgid, u32 previous) {
  switch (settings.scope) {
    case SCOPE_ALL: return 1;
    case SCOPE_CGROUP: return is_in_cgroup();
    case SCOPE_PROGRAMS: return is_chosen_program(tgid);
    default: return previous != 0;
  }
}

SEC("raw_tp/sched_process_exec")
int process_exec(struct bpf_raw_tracepoint_args *ctx) {
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (known && !*known) return 0;
  u32 previous = known ? *known : 0;
  struct thread_state *thread = bpf_task_storage_get(&thread_states, bpf_get_current_task_btf(), 0, 0);
  if (thread) {
    thread->epoch = 0;
    thread->depth = 0;
    thread->live_blocks = 0;
  }
  struct process_record *record = previous ? process_record_of(previous) : 0;
  if (record && record->tgid != tgid) __sync_fetch_and_add(&record->sharers, -1);
  if (stays_in_scope(tgid, previous)) {
    u32 process = begin_incarnation(tgid, previous, 0);
    if (process) report_process(EVENT_EXEC, process, (struct task_struct *)bpf_get_current_task(), previous);
    return 0;
  }
  bpf_map_delete_elem(&targets, &tgid);
  if (!record || record->tgid != tgid) return 0;
  struct process_event event = {
      .header = {.kind = EVENT_EXIT, .process = previous}, .tgid = tgid, .flags = PROCESS_LEFT_SCOPE};
  send(&event);
  return 0;
}

// A process that its parent has made while user space was still finding out about the parent.
static __always_inline int is_new_in_scope(void) {
  if (settings.scope == SCOPE_ALL) return 1;
  return settings.scope == SCOPE_CGROUP && is_in_cgroup();
}

SEC("raw_tp/sched_process_fork")
int process_fork(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
  u32 tgid = BPF_CORE_READ(parent, tgid), child_tgid = BPF_CORE_READ(child, tgid);
  if (tgid == child_tgid) return 0;  // a thread
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (!known && !is_new_in_scope()) return 0;
  u32 process = known ? *known : 0;
  struct process_record *record = process ? process_record_of(process) : 0;
  if (record) __sync_fetch_and_add(&record->children, 1);
  if (known && !process) {
    bpf_map_update_elem(&targets, &child_tgid, &process, BPF_ANY);  // without room it becomes a target by exec
    return 0;
  }
  if (settings.scope == SCOPE_NAMED && !settings.follow_children) return 0;
  // Several processes may be in one address space: those that are no thread of another are not counted apart.
  if (process && BPF_CORE_READ(parent, mm) == BPF_CORE_READ(child, mm)) {
    // vfork: until it calls exec the child works in its parent's heap, so it counts as the parent.
    if (bpf_map_update_elem(&targets, &child_tgid, &process, BPF_ANY)) count_loss(process, LOSS_PROCESS_TABLE_FULL);
    else if (record) __sync_fetch_and_add(&record->sharers, 1);
    return 0;
  }
  u32 child_process = begin_incarnation(child_tgid, process, PROCESS_INHERITED_HEAP);
  if (child_process) report_process(EVENT_FORK, child_process, child, process);
  return 0;
}

SEC("raw_tp/sched_process_exit")
int process_exit(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *task = (void *)ctx->args[0];
  u32 tgid = BPF_CORE_READ(task, tgid);
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (!known) return 0;
  u32 process = *known;
  struct process_record *record = process ? process_record_of(process) : 0;
  struct thread_state *thread = bpf_task_storage_get(&thread_states, bpf_get_current_task_btf(), 0, 0);
  if (thread && record && thread->process == process) {
    __sync_fetch_and_add(&record->live_blocks, thread->live_blocks);
    thread->live_blocks = 0;
  }
  if (BPF_CORE_READ(task, signal, live.counter) > 0) return 0;
  bpf_map_delete_elem(&targets, &tgid);
  if (!record) return 0;
  if (record->tgid != tgid) {
    __sync_fetch_and_add(&record->sharers, -1);
    return 0;
  }
  struct process_event event = {.header = {.kind = EVENT_EXIT, .process = process}, .tgid = tgid};
  event.status = BPF_CORE_READ(task, exit_code);
  if (BPF_CORE_READ(task, signal, oom_mm)) event.flags = PROCESS_OUT_OF_MEMORY;
  send(&event);
  return 0;
}

// Run by user space, not attached: the time in which blocks are born, for their ages.
SEC("raw_tp")
int read_ticks(struct bpf_raw_tracepoint_args *ctx) { return (u32)bpf_jiffies64(); }
