#pragma once
#ifdef __swift__
// libc's types belong to the module that the standard library's Glibc exports: see clinux.h.
#pragma clang module import SwiftGlibc
#endif
#include <sys/capability.h>
