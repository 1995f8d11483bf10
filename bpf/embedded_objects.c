// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "embedded_objects.h"

static const unsigned char allocations[] __attribute__((aligned(16))) = {
#embed "build/allocations.bpf.o"
};
static const unsigned char lifecycle[] __attribute__((aligned(16))) = {
#embed "build/lifecycle.bpf.o"
};
static const unsigned char calibration[] __attribute__((aligned(16))) = {
#embed "build/calibration.bpf.o"
};
static const unsigned char windows[] __attribute__((aligned(16))) = {
#embed "build/windows.bpf.o"
};

struct embedded_object embedded_allocations(void) {
  return (struct embedded_object){allocations, sizeof allocations};
}

struct embedded_object embedded_lifecycle(void) {
  return (struct embedded_object){lifecycle, sizeof lifecycle};
}

struct embedded_object embedded_calibration(void) {
  return (struct embedded_object){calibration, sizeof calibration};
}

struct embedded_object embedded_windows(void) {
  return (struct embedded_object){windows, sizeof windows};
}
