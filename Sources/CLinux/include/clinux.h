#pragma once
// What Swift cannot call or see: one header and one file a system call or a family of constants.
#include "bpf.h"
#include "openat2.h"
#include "pidfd.h"
