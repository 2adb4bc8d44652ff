#pragma once
#include <stdint.h>
#include <linux/openat2.h>

// openat2(2), which glibc does not wrap, and its RESOLVE_* flags as constants of this module.
enum {
    LINUX_RESOLVE_NO_XDEV = RESOLVE_NO_XDEV,
    LINUX_RESOLVE_NO_MAGICLINKS = RESOLVE_NO_MAGICLINKS,
    LINUX_RESOLVE_NO_SYMLINKS = RESOLVE_NO_SYMLINKS,
    LINUX_RESOLVE_BENEATH = RESOLVE_BENEATH,
    LINUX_RESOLVE_IN_ROOT = RESOLVE_IN_ROOT,
};

/// Opens `path` relative to `directory` under the RESOLVE_* rules in `resolve`; -1 and errno on failure.
int linux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
