#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

int child_terminal(struct child *child, const struct linux_step *step) {
    int controller = child_resolve(child, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
    if (controller < 0) return -1;
    struct statfs information;
    if (fstatfs(controller, &information) < 0) return -1;
    if (information.f_type != DEVPTS_SUPER_MAGIC) {
        errno = ENODEV;
        return -1;
    }
    // The process side is opened through the controlling one (TIOCGPTPEER): a path could lead to another terminal.
    int unlocked = 0;
    if (ioctl(controller, TIOCSPTLCK, &unlocked) < 0) return -1;
    child->terminal = ioctl(controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (child->terminal < 0 || fchown(child->terminal, (uid_t)step->a, (gid_t)-1) < 0) return -1;
    char byte = 0;
    return linux_send(child->launch->terminal_socket, &byte, 1, &controller, 1, 1) == 1 ? 0 : -1;
}

int child_console(struct child *child) {
    int mount = open_tree(child->terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (mount < 0) return -1;
    int console = child_ensure(child, "/dev/console", 0, 0600);
    if (console < 0) return -1;
    return move_mount(mount, "", console, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int child_new_session(struct child *child) {
    if (setsid() < 0) return -1;
    return child->terminal < 0 ? 0 : ioctl(child->terminal, TIOCSCTTY, 0);
}

int child_streams(struct child *child, const struct linux_step *step) {
    for (int stream = 0; stream < 3; stream++) {
        int source = child->terminal >= 0 ? child->terminal : child->launch->streams[stream];
        struct stat information;
        if (fstat(source, &information) < 0) return -1;
        // A program that is not root may open /dev/stdout again only if the pipe is its own.
        if (S_ISFIFO(information.st_mode) && step->a != 0 && fchown(source, (uid_t)step->a, (gid_t)-1) < 0) return -1;
        if (dup2(source, stream) < 0) return -1;
    }
    return 0;
}
