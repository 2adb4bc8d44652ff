#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (256 << 10)
#define GUARD_SIZE (4 << 10)

struct report {
    int64_t step;
    int32_t error;
};

/// Ends the child because of a step. A failure that cannot be written looks like a success followed by exit code 127.
static _Noreturn void fail(struct child *child, int64_t step) {
    struct report report = {.step = step, .error = errno};
    (void)!write(child->report, &report, sizeof report);
    _exit(127);
}

/// Dies here if a test wants that. The first process of a pid namespace cannot kill itself: the test kills it.
static void failpoint(const struct linux_launch *launch, int64_t step) {
#ifdef FAILPOINTS
    if (launch->die_before != step || step == LAUNCH_STARTED) return;
    kill(getpid(), SIGKILL);
    for (;;) pause();
#else
    (void)launch, (void)step;
#endif
}

static int join_cgroups(const struct linux_launch *launch) {
    for (uint32_t index = 0; index < launch->cgroup_procs_count; index++)
        if (write(launch->cgroup_procs[index], "0", 1) != 1) return -1;
    return 0;
}

static int perform(struct child *child, const struct linux_step *step) {
    switch (step->operation) {
    case LAUNCH_JOIN_CGROUPS: return join_cgroups(child->launch);
    case LAUNCH_UNSHARE: return unshare((int)step->a);
    case LAUNCH_PRIVATE_MOUNTS: return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    case LAUNCH_OWN_FILES: return child_own_files(step);
    case LAUNCH_MAP_OWNERS: return child_map_owners(child, step);
    case LAUNCH_OVERLAY_ROOT: return child_overlay_root(child, step);
    case LAUNCH_MOUNT: return child_mount(child, step);
    case LAUNCH_BIND: return child_bind(child, step);
    case LAUNCH_TEMPORARY: return child_temporary(child, step);
    case LAUNCH_DIRECTORY: return child_directory(child, step);
    case LAUNCH_DEVICE: return child_device(child, step);
    case LAUNCH_SYMLINK: return child_symlink(child, step);
    case LAUNCH_MASK: return child_mask(child, step);
    case LAUNCH_READ_ONLY: return child_read_only(child, step);
    case LAUNCH_TERMINAL: return child_terminal(child, step);
    case LAUNCH_CONSOLE: return child_console(child);
    case LAUNCH_READ_ONLY_ROOT: return child_read_only_root(child);
    case LAUNCH_PIVOT: return child_pivot(child);
    case LAUNCH_NEW_SESSION: return child_new_session(child);
    case LAUNCH_NEW_KEYRING: return child_new_keyring();
    case LAUNCH_STREAMS: return child_streams(child, step);
    case LAUNCH_LIMIT: return child_limit(step);
    case LAUNCH_UMASK: umask((mode_t)step->a); return 0;
    case LAUNCH_JOIN_USER_NAMESPACE: return child_join_user_namespace(child);
    case LAUNCH_BOUNDING_SET: return child_bounding_set(step->a);
    case LAUNCH_USER: return child_user(step);
    case LAUNCH_CAPABILITIES: return child_capabilities(step->a);
    case LAUNCH_NO_NEW_PRIVILEGES: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case LAUNCH_SECCOMP: return child_seccomp(step);
    case LAUNCH_WORKING_DIRECTORY: return child_working_directory(step);
    case LAUNCH_PARENT_DEATH_SIGNAL: return prctl(PR_SET_PDEATHSIG, (int)step->a, 0, 0, 0);
    case LAUNCH_EXECUTE: return child_execute(step);
    default: errno = ENOSYS; return -1;
    }
}

/// The signal mask becomes empty and every disposition the default one, whatever the parent ignores or blocks.
static void reset_signals(void) {
    // The raw call: libc's refuses the signals that it uses itself, which a parent may have left ignored all the same.
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {.handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++)
        syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask);  // SIGKILL and SIGSTOP cannot be changed.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/// Makes a negative oom_score_adj 0. By the node's /proc, so before anything of a container is entered. The parent keeps
/// its own although it shares the memory, because it waits for the child (CLONE_VFORK; kernel: __set_oom_adj).
static int give_up_protection(const struct linux_launch *launch) {
    if (!launch->not_spared) return 0;
    int file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (file < 0) return -1;
    char first = 0;
    int failed = read(file, &first, 1) != 1 || (first == '-' && pwrite(file, "0", 1, 0) != 1);
    int error = errno;
    close(file);
    errno = error;
    return failed ? -1 : 0;
}

int child_run_steps(void *argument) {
    struct child *child = argument;
    if (child->launch->join < 0 && give_up_protection(child->launch) < 0) fail(child, LAUNCH_JOINING);
    umask(0);  // Modes are meant as they are given; a step sets the program's mask.
    for (uint32_t index = 0; index < child->launch->count; index++) {
        const struct linux_step *step = &child->launch->steps[index];
        failpoint(child->launch, index);
        if (step->operation == LAUNCH_EXECUTE) {
            if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0) fail(child, index);
            reset_signals();
        }
        if (perform(child, step) < 0) fail(child, index);
    }
    errno = ENOEXEC;
    fail(child, (int64_t)child->launch->count - 1);
}

long linux_clone_onto(struct clone_args *arguments, int (*function)(void *), void *argument) {
    long result;
    register long r8 __asm__("r8") = (long)function;
    register long r9 __asm__("r9") = (long)argument;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r9, %%rdi\n\t"
                     "call *%%r8\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov $60, %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "0"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static struct clone_args clone_arguments(const struct linux_launch *launch, char *stack) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_VFORK;
    arguments.stack = (uint64_t)(uintptr_t)stack;
    arguments.stack_size = STACK_SIZE;
    if (launch->cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)launch->cgroup;
    }
    return arguments;
}

/// Joins the namespaces of a process, then starts the one that runs the steps: a pid namespace is only entered by
/// children. CLONE_PARENT makes that one a child of the process that asked for the launch.
static int join_and_start(void *argument) {
    struct child *child = argument;
    const struct linux_launch *launch = child->launch;
    if (give_up_protection(launch) < 0) fail(child, LAUNCH_JOINING);
    failpoint(launch, LAUNCH_JOINING);
    if (setns(launch->join, (int)launch->namespaces) < 0) fail(child, LAUNCH_JOINING);
    child->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (child->root < 0) fail(child, LAUNCH_JOINING);
    struct clone_args arguments = clone_arguments(launch, child->second_stack);
    // Its number is written by the kernel: this process may be killed before it could tell.
    arguments.flags |= CLONE_PARENT | CLONE_PARENT_SETTID;
    arguments.parent_tid = (uint64_t)(uintptr_t)&child->grandchild;
    failpoint(launch, LAUNCH_JOINED);
    long process = linux_clone_onto(&arguments, child_run_steps, child);
    if (process < 0) {
        errno = (int)-process;
        fail(child, LAUNCH_CLONING);
    }
    failpoint(launch, LAUNCH_CLONED);
    _exit(0);
}

static void reap(pid_t process) {
    while (waitpid(process, NULL, __WALL) < 0 && errno == EINTR) continue;
}

/// Starts the child, or the helper that starts it; returns its process id or -errno.
static long start(struct child *child, char *stack, int *pidfd) {
    struct clone_args arguments = clone_arguments(child->launch, stack);
    arguments.exit_signal = SIGCHLD;
    if (child->launch->join >= 0) {
        arguments.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
        return linux_clone_onto(&arguments, join_and_start, child);
    }
    arguments.flags |= CLONE_PIDFD | child->launch->namespaces;
    if (child->launch->parked != NULL) return child_start_parked(child->launch->parked, child, arguments, pidfd);
    arguments.pidfd = (uint64_t)(uintptr_t)pidfd;
    return linux_clone_onto(&arguments, child_run_steps, child);
}

/// Takes the helper's place off the process table and finds the process that it started; 0 when it was killed before.
static pid_t adopt_grandchild(struct child *child, pid_t helper, int *pidfd) {
    reap(helper);
    if (child->grandchild > 0) *pidfd = linux_pidfd_open(child->grandchild, 0);
    return child->grandchild;
}

static void end(pid_t process) {
    kill(process, SIGKILL);
    reap(process);
}

static void await_report(int pipe, struct linux_launched *launched) {
    struct report report;
    ssize_t length;
    do length = read(pipe, &report, sizeof report);
    while (length < 0 && errno == EINTR);
    if (length == (ssize_t)sizeof report) {
        launched->failed_step = report.step;
        launched->error = report.error;
    } else if (length < 0) {
        launched->error = errno;
    } else {
        launched->failed_step = LAUNCH_STARTED;
    }
}

static void launch_on(char *stack, const struct linux_launch *launch, const int report[2],
                      struct linux_launched *launched) {
    struct child child = {.launch = launch,
                          .report = report[1],
                          .root = -1,
                          .terminal = -1,
                          .mask = -1,
                          .second_stack = stack + STACK_SIZE + GUARD_SIZE};
    // No handler of the parent may run in the child, which shares its memory.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    int pidfd = -1;
    long process = start(&child, stack, &pidfd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (process < 0) {
        launched->error = (int)-process;
        return;
    }
    if (launch->join >= 0) process = adopt_grandchild(&child, (pid_t)process, &pidfd);
    int unpinned = process > 0 && pidfd < 0 ? errno : 0;
    await_report(report[0], launched);
    if (unpinned != 0 && launched->failed_step == LAUNCH_STARTED) {
        // Without a descriptor nobody could signal it or learn of its end.
        launched->failed_step = LAUNCH_CLONING;
        launched->error = unpinned;
    }
    launched->process = (pid_t)process;
    launched->pidfd = pidfd;
    if (launched->failed_step == LAUNCH_STARTED && process <= 0) {
        launched->failed_step = LAUNCH_JOINING;
        launched->error = ECANCELED;
    }
    if (launched->failed_step == LAUNCH_STARTED) return;
    if (process > 0) end((pid_t)process);
    if (pidfd >= 0) close(pidfd);
    launched->pidfd = -1;
}

void linux_launch_start(const struct linux_launch *launch, struct linux_launched *launched) {
    memset(launched, 0, sizeof *launched);
    launched->failed_step = LAUNCH_CLONING;
    launched->pidfd = -1;
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) {
        launched->error = errno;
        return;
    }
    // Two stacks, each above an inaccessible page.
    size_t size = 2 * (GUARD_SIZE + STACK_SIZE);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        launched->error = errno;
        close(report[1]);
    } else {
        mprotect(memory, GUARD_SIZE, PROT_NONE);
        mprotect(memory + GUARD_SIZE + STACK_SIZE, GUARD_SIZE, PROT_NONE);
        launch_on(memory + GUARD_SIZE, launch, report, launched);
        munmap(memory, size);
    }
    close(report[0]);
}
