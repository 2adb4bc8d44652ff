#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <stdio.h>
#include <unistd.h>

#define RESOLVE_ATTEMPTS 128

const int linux_o_path = O_PATH;
const int linux_clone_newnet = CLONE_NEWNET, linux_clone_newipc = CLONE_NEWIPC, linux_clone_newuts = CLONE_NEWUTS,
          linux_clone_newns = CLONE_NEWNS, linux_clone_newpid = CLONE_NEWPID, linux_clone_newcgroup = CLONE_NEWCGROUP;

int linux_pipe(int descriptors[2], int flags) { return pipe2(descriptors, flags | O_CLOEXEC); }

int linux_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int linux_duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 3); }

int linux_open_resolved(int directory, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    // A rename or a mount elsewhere can make a scoped lookup fail with EAGAIN although nothing is wrong.
    for (int attempt = 0;; attempt++) {
        long descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (descriptor >= 0 || (errno != EAGAIN && errno != EINTR) || attempt == RESOLVE_ATTEMPTS)
            return (int)descriptor;
    }
}

int linux_open_in_root(int directory, const char *path, uint64_t flags) {
    return linux_open_resolved(directory, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int linux_open_read_only(const char *path) {
    int mount = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0) return -1;
    struct mount_attr change = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                .propagation = MS_PRIVATE};
    if (mount_setattr(mount, "", AT_EMPTY_PATH, &change, sizeof change) == 0) return mount;
    int error = errno;
    close(mount);
    errno = error;
    return -1;
}

int linux_set_process_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

void linux_release_memory(void) { malloc_trim(0); }

void linux_release_stack(void) {
    // One page is left for the calls that are going on, and for the red zone below the last of them.
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) & ~(page - 1)) - page;
    // The main thread's stack grows as it is used: what lies below it is not mapped, which the call passes over (ENOMEM).
    madvise((void *)(end - 31 * page), 31 * page, MADV_DONTNEED);
}

void linux_share_memory_arenas(int count) { mallopt(M_ARENA_MAX, count); }

size_t linux_free_memory(void) { return mallinfo2().fordblks; }

int linux_unshare(int flags) { return unshare(flags); }

int linux_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }

int linux_interface_up(const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return -1;
    int result = ioctl(socket_, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(socket_, SIOCSIFFLAGS, &request);
    }
    int error = errno;
    close(socket_);
    errno = error;
    return result;
}

int linux_reap(int pidfd, int *kind, int *status) {
    siginfo_t information;
    memset(&information, 0, sizeof information);
    int result;
    do result = waitid(P_PIDFD, (id_t)pidfd, &information, WEXITED | WNOHANG);
    while (result < 0 && errno == EINTR);
    *kind = result == 0 && information.si_pid != 0 ? information.si_code : 0;
    *status = information.si_status;
    return result;
}

int linux_peer(int socket, pid_t *process, uid_t *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -1;
    *process = credentials.pid;
    *user = credentials.uid;
    return 0;
}

int linux_set_window_size(int terminal, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(terminal, TIOCSWINSZ, &size);
}

int linux_set_pipe_room(int pipe, int bytes) { return fcntl(pipe, F_SETPIPE_SZ, bytes); }

int linux_pipe_room(int pipe) { return fcntl(pipe, F_GETPIPE_SZ); }

int linux_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 ? -1 : fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

int linux_is_opaque(const char *path) {
    char value = 0;
    return getxattr(path, "trusted.overlay.opaque", &value, sizeof value) == 1 && value == 'y';
}

long linux_file_system(int file) {
    struct statfs information;
    return fstatfs(file, &information) < 0 ? -1 : (long)information.f_type;
}

int linux_exchange(const char *one, const char *other)
{
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}
