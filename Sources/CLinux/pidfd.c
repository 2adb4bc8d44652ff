#define _GNU_SOURCE
#include "pidfd.h"
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int linux_pidfd_open(int pid, unsigned int flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

int linux_pidfd_send_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
