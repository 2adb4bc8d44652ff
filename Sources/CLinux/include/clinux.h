#pragma once
// What Swift cannot call or see: one header and one file a system call or a family of constants.
#ifdef __swift__
// libc's types belong to the module that the standard library's Glibc exports. Without this line they would belong to
// this module too, and the compiler would ask files that use pthread_attr_t to import this one.
#pragma clang module import SwiftGlibc
#endif
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "bpf.h"
#include "launch.h"
#include "memfd.h"
#include "namespaces.h"
#include "netlink.h"
#include "openat2.h"
#include "pidfd.h"
#include "syscalls.h"
#include "terminal.h"
#include "unpack.h"
#include "user_namespace.h"
