// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Stands in for the kernel's types when the kernel programs' headers are compiled for user space.
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

// The registers that the programs read.
struct pt_regs {
  u64 di, si, dx, cx, ax, bx, ip, sp, bp;
};

struct task_struct;
struct return_instance;
