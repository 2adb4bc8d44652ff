#pragma once
// What Swift cannot call or see: one header and one file a system call or a family of constants.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "bpf.h"
#include "launch.h"
#include "memfd.h"
#include "openat2.h"
#include "pidfd.h"
#include "syscalls.h"
