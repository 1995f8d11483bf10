// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The integer types of the ABI, the same in kernel programs and in user space.
#pragma once

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define ABI_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")
