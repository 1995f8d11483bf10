// libbpf's public interface; what newer kernels added goes through bpf(2) in CLinux.
#pragma once
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
