#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The libc wrappers of the set*id calls synchronise all threads of a process; this child has one thread but shares the
// memory in which libc keeps the parent's. Only the raw calls concern the child alone (nptl(7)).

int child_limit(const struct linux_step *step) {
    struct rlimit wanted = {.rlim_cur = step->b, .rlim_max = step->c}, present;
    if (syscall(SYS_prlimit64, 0, (int)step->a, &wanted, NULL) == 0) return 0;
    if (errno != EPERM) return -1;
    // Without CAP_SYS_RESOURCE the hard limit may only be lowered: come as close as is allowed.
    if (syscall(SYS_prlimit64, 0, (int)step->a, NULL, &present) < 0) return -1;
    if (wanted.rlim_max > present.rlim_max) wanted.rlim_max = present.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
    return (int)syscall(SYS_prlimit64, 0, (int)step->a, &wanted, NULL);
}

int child_bounding_set(uint64_t keep) {
    for (int capability = 0; capability < 64; capability++) {
        if (keep >> capability & 1) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            if (errno == EINVAL) return 0;  // Beyond the last capability that this kernel knows.
            return -1;
        }
    }
    return 0;
}

int child_user(const struct linux_step *step) {
    if (syscall(SYS_setgroups, (size_t)step->count, step->numbers) < 0) return -1;
    gid_t group = (gid_t)step->b;
    if (syscall(SYS_setresgid, group, group, group) < 0) return -1;
    uid_t user = (uid_t)step->a;
    return (int)syscall(SYS_setresuid, user, user, user);
}

int child_capabilities(uint64_t mask) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
        {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
    };
    if (syscall(SYS_capset, &header, data) < 0) return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) return -1;
    return 0;
}

int child_seccomp(const struct linux_step *step) {
    struct sock_fprog program = {.len = (unsigned short)(step->a / sizeof(struct sock_filter)),
                                 .filter = (struct sock_filter *)step->program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int child_new_keyring(void) {
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0) return 0;
    // A kernel without keyrings has none to keep apart.
    return errno == ENOSYS ? 0 : -1;
}

int child_working_directory(const struct linux_step *step) {
    if (chdir(step->path) < 0) return -1;
    char path[PATH_MAX];
    if (syscall(SYS_getcwd, path, sizeof path) < 0) return -1;
    // getcwd(2): a directory outside the root is reported with the prefix "(unreachable)".
    if (path[0] != '/') {
        errno = EXDEV;
        return -1;
    }
    return 0;
}

int child_execute(const struct linux_step *step) {
    int error = ENOENT;
    for (uint32_t index = 0; index < step->count; index++) {
        execve(step->list[index], (char *const *)step->arguments, (char *const *)step->environment);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return -1;
        if (errno == EACCES) error = EACCES;
    }
    errno = error;
    return -1;
}
