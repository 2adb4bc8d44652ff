#pragma once
#include <stdint.h>

/// Loads a program of type BPF_PROG_TYPE_CGROUP_DEVICE (bpf(2), BPF_PROG_LOAD) and returns its descriptor,
/// close-on-exec; -1 and errno on failure.
int linux_bpf_load_cgroup_device(const uint64_t *instructions, uint32_t count);

/// Attaches a device program to a v2 cgroup directory, in place of the one attached before (BPF_PROG_ATTACH); -1 and
/// errno on failure.
int linux_bpf_attach_cgroup_device(int cgroup, int program);
