// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Programs that do nothing: what a probe costs by itself, at a given instruction. The floor of every figure.
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "probed_calls.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// As a session it asks for a return half wherever counting would.
SEC("kprobe/empty_session")
int empty_session(struct pt_regs *ctx) { return bpf_get_attach_cookie(ctx) == CALL_FREE; }

SEC("kprobe/empty")
int empty(struct pt_regs *ctx) { return 0; }
