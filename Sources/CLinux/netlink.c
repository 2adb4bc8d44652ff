#define _GNU_SOURCE
#include "netlink.h"
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int linux_netlink_open(int protocol)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -1;
    const int on = 1;
    const struct timeval patience = {.tv_sec = 10};
    const struct sockaddr_nl self = {.nl_family = AF_NETLINK};
    // Best effort: kernels before 4.12 say less of an error, those before 4.20 ignore unknown requests of a dump.
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        bind(fd, (const struct sockaddr *)&self, sizeof self) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

ssize_t linux_netlink_receive(int socket, void *buffer, size_t size)
{
    for (;;) {
        struct sockaddr_nl sender;
        memset(&sender, 0, sizeof sender);
        struct iovec part = {.iov_base = buffer, .iov_len = size};
        struct msghdr message = {
            .msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1};
        ssize_t count = recvmsg(socket, &message, 0);
        if (count < 0)
            return -1;
        if (sender.nl_pid != 0)
            continue;
        if (message.msg_flags & MSG_TRUNC) {
            errno = EMSGSIZE;
            return -1;
        }
        return count;
    }
}
