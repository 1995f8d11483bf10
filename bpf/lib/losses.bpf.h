// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Every event that could not be counted is counted here, by process and reason.
#pragma once
#include "maps.bpf.h"

static __always_inline struct process_record *process_record_of(u32 process) {
  return bpf_map_lookup_elem(&process_records, &process);
}

static __always_inline void count_loss(u32 process, enum loss_reason reason) {
  struct process_record *record = process_record_of(process);
  if (record) __sync_fetch_and_add(&record->lost[reason], 1);
}
