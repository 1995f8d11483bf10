// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Follows targets through fork, exec and exit. Each begins or ends an incarnation with a process id of its own,
// so blocks of a former life can't be mistaken for blocks of the present one.
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "losses.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void report_process(u32 kind, u32 process, u32 tgid, u32 previous) {
  struct process_event event = {
      .header = {.kind = kind, .process = process, .time = bpf_ktime_get_ns()},
      .tgid = tgid,
      .previous = previous,
  };
  bpf_get_current_comm(event.name, sizeof event.name);
  if (bpf_ringbuf_output(&events, &event, sizeof event, 0)) count_loss(process, LOSS_EVENT_RING_FULL);
}

// Makes a thread group a target under a new process id; 0 and a loss if there is no room.
static __always_inline u32 begin_incarnation(u32 tgid, u32 parent, u32 flags) {
  struct probe_control *c = control_block();
  if (!c) return 0;
  u32 process = __sync_fetch_and_add(&c->last_process_id, 1) + 1;
  struct process_record *record = process < settings.process_capacity ? process_record_of(process) : 0;
  if (!record) {
    bpf_map_delete_elem(&targets, &tgid);
    count_loss(parent, LOSS_PROCESS_TABLE_FULL);
    __sync_fetch_and_add(&c->targets_epoch, 1);
    return 0;
  }
  record->tgid = tgid;
  record->parent = parent;
  record->flags = flags;
  struct process_record *parent_record = process_record_of(parent);
  if (flags & PROCESS_INHERITED_HEAP && parent_record) {
    record->generation = parent_record->generation;
    record->code_generation = parent_record->code_generation;
    record->code_slice = parent_record->code_slice;
  }
  if (bpf_map_update_elem(&targets, &tgid, &process, BPF_ANY)) count_loss(parent, LOSS_PROCESS_TABLE_FULL);
  __sync_fetch_and_add(&c->targets_epoch, 1);
  return process;
}

SEC("raw_tp/sched_process_exec")
int process_exec(struct bpf_raw_tracepoint_args *ctx) {
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (!known) return 0;
  u32 previous = *known;
  u32 process = begin_incarnation(tgid, previous, 0);
  if (process) report_process(EVENT_EXEC, process, tgid, previous);
  return 0;
}

SEC("raw_tp/sched_process_fork")
int process_fork(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
  u32 tgid = BPF_CORE_READ(parent, tgid), child_tgid = BPF_CORE_READ(child, tgid);
  if (tgid == child_tgid) return 0;  // a thread
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (!known) return 0;
  u32 process = *known;
  struct process_record *record = process_record_of(process);
  if (record) __sync_fetch_and_add(&record->children, 1);
  if (!settings.follow_children) return 0;
  if (BPF_CORE_READ(parent, mm) == BPF_CORE_READ(child, mm)) {
    // vfork: until it calls exec the child works in its parent's heap, so it counts as the parent.
    struct probe_control *c = control_block();
    if (bpf_map_update_elem(&targets, &child_tgid, &process, BPF_ANY)) count_loss(process, LOSS_PROCESS_TABLE_FULL);
    if (c) __sync_fetch_and_add(&c->targets_epoch, 1);
    return 0;
  }
  u32 child_process = begin_incarnation(child_tgid, process, PROCESS_INHERITED_HEAP);
  if (child_process) report_process(EVENT_FORK, child_process, child_tgid, process);
  return 0;
}

SEC("raw_tp/sched_process_exit")
int process_exit(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *task = (void *)ctx->args[0];
  u32 tgid = BPF_CORE_READ(task, tgid);
  u32 *known = bpf_map_lookup_elem(&targets, &tgid);
  if (!known || BPF_CORE_READ(task, signal, live.counter) > 0) return 0;
  u32 process = *known;
  struct process_record *record = process_record_of(process);
  bpf_map_delete_elem(&targets, &tgid);
  if (record && record->tgid == tgid) report_process(EVENT_EXIT, process, tgid, 0);
  return 0;
}

// Run by user space, not attached: the time in which blocks are born, for their ages.
SEC("raw_tp")
int read_ticks(struct bpf_raw_tracepoint_args *ctx) { return (u32)bpf_jiffies64(); }
