#pragma once

#include "clinux.h"

#include <linux/sched.h>
#include <signal.h>

/// What the steps of one launch share, all of it in the child.
struct child {
    const struct linux_launch *launch;
    /// Where failures are written; closed by execve.
    int report;
    /// O_PATH descriptor of the container's root.
    int root;
    /// The process side of the terminal, or -1.
    int terminal;
    /// Root of the first empty directory mounted over a masked one, or -1.
    int mask;
    /// The process started by the helper that joined namespaces, written by the kernel; the parent reads it.
    pid_t grandchild;
    /// The stack of that process.
    char *second_stack;
};

/// Every step returns 0, or -1 with the reason in `errno`.
int child_map_owners(struct child *child, const struct linux_step *step);
int child_overlay_root(struct child *child, const struct linux_step *step);
int child_mount(struct child *child, const struct linux_step *step);
int child_bind(struct child *child, const struct linux_step *step);
int child_temporary(struct child *child, const struct linux_step *step);
int child_directory(struct child *child, const struct linux_step *step);
int child_device(struct child *child, const struct linux_step *step);
int child_symlink(struct child *child, const struct linux_step *step);
int child_mask(struct child *child, const struct linux_step *step);
int child_read_only(struct child *child, const struct linux_step *step);
int child_read_only_root(struct child *child);
int child_pivot(struct child *child);

int child_terminal(struct child *child, const struct linux_step *step);
int child_console(struct child *child);
int child_new_session(struct child *child);
int child_streams(struct child *child, const struct linux_step *step);

int child_own_files(const struct linux_step *step);
int child_join_user_namespace(struct child *child);

int child_limit(const struct linux_step *step);
int child_bounding_set(uint64_t keep);
int child_user(const struct linux_step *step);
int child_capabilities(uint64_t mask);
int child_seccomp(const struct linux_step *step);
int child_new_keyring(void);
int child_working_directory(const struct linux_step *step);
int child_execute(const struct linux_step *step);

/// clone3(2) onto an own stack, which glibc's clone() cannot do together with CLONE_INTO_CGROUP. Returns -errno.
long linux_clone_onto(struct clone_args *arguments, int (*function)(void *), void *argument);

/// Opens a path as if the container's root were `/`.
int child_resolve(struct child *child, const char *path, uint64_t flags, uint64_t resolve);
/// Opens a path in the root, made with its parents if it is missing.
int child_ensure(struct child *child, const char *path, int directory, mode_t mode);

/// Carries out the steps of a `struct child`; the function of every process that is launched.
int child_run_steps(void *child);
/// Has a helper start the process that `arguments` describe, and waits until it runs its program or has failed. Returns its
/// process id or -errno.
long child_start_parked(struct linux_parked *parked, struct child *child, struct clone_args arguments, int *pidfd);
