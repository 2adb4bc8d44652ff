#define _GNU_SOURCE
#include "launch_child.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The helper shares the caller's memory while the caller goes on, and with it the thread-local storage in which libc keeps
// errno: it makes system calls only by `raw_call`. While it starts a process, the caller waits.

#define STACK_SIZE (16 << 10)
#define GUARD_SIZE (4 << 10)

enum { JOINING, PARKED, STARTING };

struct linux_parked {
    /// The helper's; first, so that it grows towards the page in front of it, which nobody may touch.
    char stack[STACK_SIZE] __attribute__((aligned(16)));
    _Atomic uint32_t state;
    /// The helper's process id; the kernel makes it 0, and wakes whoever waits for that, when the helper has gone.
    _Atomic uint32_t alive;
    pid_t process;
    pid_t parent;
    const int *cgroup_procs;
    uint32_t cgroup_procs_count;
    /// Why it could not join the cgroups.
    int error;
    /// What it is to start; NULL when there is nothing.
    struct child *child;
    struct clone_args arguments;
    /// The process that it started or -errno; 0 when it was killed before it could say.
    long started;
    int started_pidfd;
};

static long raw_call(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

static void await_change(_Atomic uint32_t *word, uint32_t from) {
    while (atomic_load(word) == from) raw_call(SYS_futex, (long)word, FUTEX_WAIT, (long)from, 0);
}

static void set(_Atomic uint32_t *word, uint32_t value) {
    atomic_store(word, value);
    raw_call(SYS_futex, (long)word, FUTEX_WAKE, INT_MAX, 0);
}

static int wait_parked(void *argument) {
    struct linux_parked *parked = argument;
    raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (raw_call(SYS_getppid, 0, 0, 0, 0) != parked->parent) return 0;  // It ended before it could be waited for.
    for (uint32_t index = 0; index < parked->cgroup_procs_count && parked->error == 0; index++) {
        long written = raw_call(SYS_write, parked->cgroup_procs[index], (long)"0", 1, 0);
        if (written < 0) parked->error = (int)-written;
    }
    set(&parked->state, PARKED);
    await_change(&parked->state, PARKED);
    if (parked->child != NULL) parked->started = linux_clone_onto(&parked->arguments, child_run_steps, parked->child);
    return 0;
}

static void await_end(struct linux_parked *parked) {
    for (uint32_t alive; (alive = atomic_load(&parked->alive)) != 0;) await_change(&parked->alive, alive);
    if (parked->process <= 0) return;
    while (waitpid(parked->process, NULL, __WALL) < 0 && errno == EINTR) continue;
    parked->process = 0;
}

static long make_helper(struct linux_parked *parked) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_FILES | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    arguments.exit_signal = SIGCHLD;
    arguments.parent_tid = (uint64_t)(uintptr_t)&parked->alive;
    arguments.child_tid = (uint64_t)(uintptr_t)&parked->alive;
    arguments.stack = (uint64_t)(uintptr_t)parked->stack;
    arguments.stack_size = STACK_SIZE;
    // No handler of the caller may run in it.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    long process = linux_clone_onto(&arguments, wait_parked, parked);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return process;
}

struct linux_parked *linux_park(const int *cgroup_procs, uint32_t count) {
    size_t size = GUARD_SIZE + sizeof(struct linux_parked);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    mprotect(memory, GUARD_SIZE, PROT_NONE);
    struct linux_parked *parked = (struct linux_parked *)(memory + GUARD_SIZE);
    parked->parent = getpid();
    parked->cgroup_procs = cgroup_procs;
    parked->cgroup_procs_count = count;
    long process = make_helper(parked);
    if (process < 0) {
        munmap(memory, size);
        errno = (int)-process;
        return NULL;
    }
    parked->process = (pid_t)process;
    // Whatever happens to it, it is gone in the end; as long as it is not, it is about to say that it has joined.
    while (atomic_load(&parked->state) == JOINING && atomic_load(&parked->alive) != 0) {
        const struct timespec limit = {.tv_nsec = 20 * 1000 * 1000};
        raw_call(SYS_futex, (long)&parked->state, FUTEX_WAIT, JOINING, (long)&limit);
    }
    int error = atomic_load(&parked->state) == PARKED ? parked->error : ESRCH;
    if (error == 0) return parked;
    linux_unpark(parked);
    errno = error;
    return NULL;
}

void linux_unpark(struct linux_parked *parked) {
    parked->child = NULL;
    set(&parked->state, STARTING);
    await_end(parked);
    munmap((char *)parked - GUARD_SIZE, GUARD_SIZE + sizeof(struct linux_parked));
}

long child_start_parked(struct linux_parked *parked, struct child *child, struct clone_args arguments, int *pidfd) {
    parked->arguments = arguments;
    // The caller is the parent, to which the end is signalled as the helper's would be.
    parked->arguments.flags |= CLONE_PARENT;
    parked->arguments.exit_signal = 0;
    parked->started_pidfd = -1;
    parked->arguments.pidfd = (uint64_t)(uintptr_t)&parked->started_pidfd;
    parked->child = child;
    if (atomic_load(&parked->state) != PARKED || atomic_load(&parked->alive) == 0) return -ESRCH;
    set(&parked->state, STARTING);
    await_end(parked);
    *pidfd = parked->started_pidfd;
    if (parked->started != 0) return parked->started;
    // The helper was killed. What it may have started shares this memory and must not go on.
    if (*pidfd >= 0) {
        siginfo_t end;
        linux_pidfd_send_signal(*pidfd, SIGKILL);
        while (waitid(P_PIDFD, (id_t)*pidfd, &end, WEXITED) < 0 && errno == EINTR) continue;
        close(*pidfd);
    }
    return -ESRCH;
}
