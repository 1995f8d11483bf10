// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The few kernel types the programs touch. Field offsets are relocated at load time from the running
// kernel's BTF (CO-RE), so only names and types of the fields used are given here.
#pragma once
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags,
      sp, ss;
};

typedef struct {
  int counter;
} atomic_t;

struct signal_struct {
  atomic_t live;              // threads that have not begun to exit
  struct mm_struct *oom_mm;   // set when the kernel has chosen the process to be killed for memory
};

struct super_block {
  u32 s_dev;
};

struct inode {
  struct super_block *i_sb;
  unsigned long i_ino;
};

struct file {
  struct inode *f_inode;
};

struct xol_area {
  unsigned long vaddr;  // first byte of the [uprobes] page: the return trampoline
};

struct uprobes_state {
  struct xol_area *xol_area;
};

struct mm_struct {
  struct file *exe_file;
  unsigned long brk;
  unsigned long start_stack;  // of the first thread: its stack begins below
  struct uprobes_state uprobes_state;
};

// A call whose return is probed.
struct return_instance {
  unsigned long stack;           // where its return address lay
  unsigned long orig_ret_vaddr;  // the return address
  struct return_instance *next;  // the call around it
};

struct uprobe_task {
  struct return_instance *return_instances;
};

struct sched_entity {
  u64 exec_start;        // the last tick or switch, ns of the processor's `clock_task`
  u64 sum_exec_runtime;  // CPU time in ns, as of then
};

struct task_struct {
  int pid, tgid;
  struct sched_entity se;
  struct uprobe_task *utask;
  struct mm_struct *mm;
  struct signal_struct *signal;
  int exit_code;       // as wait(2) gives it
  u64 start_boottime;  // CLOCK_BOOTTIME, ns
};

#pragma clang attribute pop
