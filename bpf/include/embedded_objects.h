// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// The compiled programs, inside the executable.
#pragma once
#include <stddef.h>

struct embedded_object {
  const void *_Nonnull start;
  size_t size;  // bytes
};

struct embedded_object embedded_allocations(void);
struct embedded_object embedded_lifecycle(void);
struct embedded_object embedded_calibration(void);
struct embedded_object embedded_windows(void);
