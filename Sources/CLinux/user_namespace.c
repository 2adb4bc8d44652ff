#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLDER_STACK (16 << 10)

/// Shares the parent's memory, and touches none of it.
static int hold(void *argument) {
    (void)argument;
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) syscall(SYS_pause);
}

int linux_hold_namespaces(uint64_t namespaces, struct linux_holder *holder) {
    memset(holder, 0, sizeof *holder);
    char *stack = mmap(NULL, HOLDER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_PIDFD | CLONE_NEWUSER | namespaces;
    arguments.pidfd = (uint64_t)(uintptr_t)&holder->pidfd;
    arguments.exit_signal = SIGCHLD;
    arguments.stack = (uint64_t)(uintptr_t)stack;
    arguments.stack_size = HOLDER_STACK;
    // No handler of the parent may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    long process = linux_clone_onto(&arguments, hold, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (process < 0) {
        munmap(stack, HOLDER_STACK);
        errno = (int)-process;
        return -1;
    }
    holder->process = (pid_t)process;
    holder->stack = stack;
    return 0;
}

void linux_release_holder(struct linux_holder *holder) {
    kill(holder->process, SIGKILL);
    while (waitpid(holder->process, NULL, __WALL) < 0 && errno == EINTR) continue;
    close(holder->pidfd);
    munmap(holder->stack, HOLDER_STACK);
}

int linux_join(int descriptor, int namespaces) { return setns(descriptor, namespaces); }

int linux_can_map(const char *path, int user_namespace) {
    int mount = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0) return -1;
    struct mount_attr change = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
    int result = mount_setattr(mount, "", AT_EMPTY_PATH, &change, sizeof change);
    int error = errno;
    close(mount);
    errno = error;
    return result;
}

int child_own_files(const struct linux_step *step) {
    // Without the fixup the capabilities stay, although the owner of files is not the node's root (capabilities(7)).
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0) return -1;
    int id = (int)step->a;
    syscall(SYS_setfsgid, id);
    syscall(SYS_setfsuid, id);
    // Only asking again tells whether they took it (setfsuid(2)).
    if (syscall(SYS_setfsgid, -1) == id && syscall(SYS_setfsuid, -1) == id) return 0;
    errno = EPERM;
    return -1;
}

int child_join_user_namespace(struct child *child) { return setns(child->launch->user_namespace, CLONE_NEWUSER); }
