#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 32

ssize_t linux_send(int socket, const void *bytes, size_t length, const int *descriptors, int count, int wait) {
    union {
        char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
        struct cmsghdr alignment;
    } control;
    if (count > MOST_DESCRIPTORS) {
        errno = E2BIG;
        return -1;
    }
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t linux_receive(int socket, void *bytes, size_t length, int *descriptors, int *count) {
    union {
        char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct iovec vector = {.iov_base = bytes, .iov_len = length};
    // Room for no more than the caller takes: the kernel closes what does not fit.
    int room = *count < MOST_DESCRIPTORS ? *count : MOST_DESCRIPTORS;
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = room > 0 ? control.bytes : NULL,
                             .msg_controllen = room > 0 ? CMSG_LEN((size_t)room * sizeof(int)) : 0};
    *count = 0;
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t size = header->cmsg_len - CMSG_LEN(0);
        memcpy(descriptors + *count, CMSG_DATA(header), size);
        *count += (int)(size / sizeof(int));
    }
    if (message.msg_flags & MSG_CTRUNC) {
        // More came than there is room for, in the message or in this process: what is missing would be missed later, the
        // cgroups of a container for one.
        for (int index = 0; index < *count; index++) close(descriptors[index]);
        *count = 0;
        errno = EMFILE;
        return -1;
    }
    return received;
}
