// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Stands in for libbpf's header of the same name: there are no kernel structs to read.
#pragma once
// No kernel structures here: what they would say reads as 0.
#define BPF_CORE_READ(...) 0
