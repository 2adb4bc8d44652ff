#pragma once
#include <stddef.h>
#include <sys/types.h>

/// Opens a netlink(7) socket of a protocol, close-on-exec, that reports errors in words and gives up waiting for the
/// kernel after 10 s; -1 and errno on failure.
int linux_netlink_open(int protocol);

/// Receives one datagram from the kernel; those of other senders are skipped. Fails with EMSGSIZE for one that is longer
/// than `size`.
ssize_t linux_netlink_receive(int socket, void *buffer, size_t size);
