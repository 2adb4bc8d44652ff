#pragma once

#include <stdint.h>
#include <sys/types.h>

// Starting a process by a list of steps that the child carries out between clone3(2) and execve(2).
//
// The child shares the parent's memory (CLONE_VM | CLONE_VFORK), so a step may only make system calls on data that was
// prepared before: no allocation, no locks, nothing of the Swift runtime.

/// What a step does. The fields of `linux_step` that it uses are in brackets.
enum linux_operation {
    /// Writes "0" to each of the launch's `cgroup_procs`.
    LAUNCH_JOIN_CGROUPS = 1,
    /// unshare(2) [a: flags].
    LAUNCH_UNSHARE,
    /// Stops mounts from propagating to and from the node.
    LAUNCH_PRIVATE_MOUNTS,
    /// Files and directories that later steps make belong to an id, while all capabilities stay [a: uid and gid].
    LAUNCH_OWN_FILES,
    /// Shows a directory of the node with the owners of the user namespace, in this mount namespace only [path].
    LAUNCH_MAP_OWNERS,
    /// Mounts an overlay and makes it the root that later steps resolve in [path: where, other: mount(2) data, or
    /// list: key, value, ... for fsconfig(2)].
    LAUNCH_OVERLAY_ROOT,
    /// Mounts a new file system [path: destination, other: type, list: key, value, ..., a: MOUNT_ATTR_*]. The
    /// destination may not pass through a symbolic link.
    LAUNCH_MOUNT,
    /// Binds a file or a tree of the node [path: destination, other: source, list: the path below the source, if any, in
    /// which no symbolic link may be, a: MOUNT_ATTR_*; with MOUNT_ATTR_IDMAP its
    /// owners are those of the user namespace].
    LAUNCH_BIND,
    /// Mounts an empty memory file system for the user [path, list: key, value, ..., a: MOUNT_ATTR_*].
    LAUNCH_TEMPORARY,
    /// Makes a directory and its parents unless it is there [path, a: mode].
    LAUNCH_DIRECTORY,
    /// Makes a character device [path, a: mode, b: major, c: minor].
    LAUNCH_DEVICE,
    /// Makes a symbolic link [path, other: target].
    LAUNCH_SYMLINK,
    /// Hides a file or a directory unless it is missing [path].
    LAUNCH_MASK,
    /// Makes a path read-only unless it is missing [path].
    LAUNCH_READ_ONLY,
    /// Opens a pseudo-terminal of the container, sends its controlling side over `terminal_socket` [a: uid].
    LAUNCH_TERMINAL,
    /// Binds the terminal to /dev/console.
    LAUNCH_CONSOLE,
    /// Makes the root read-only.
    LAUNCH_READ_ONLY_ROOT,
    /// pivot_root(2) into the root; detaches the node's.
    LAUNCH_PIVOT,
    /// setsid(2); the terminal, if there is one, becomes the controlling one.
    LAUNCH_NEW_SESSION,
    /// Joins a new anonymous session keyring, where the kernel has them.
    LAUNCH_NEW_KEYRING,
    /// The launch's `streams` (or the terminal) become descriptors 0, 1 and 2 [a: uid that owns pipes].
    LAUNCH_STREAMS,
    /// setrlimit(2); a limit that may not be raised is left as it is [a: resource, b: soft, c: hard].
    LAUNCH_LIMIT,
    /// umask(2) [a].
    LAUNCH_UMASK,
    /// Joins the launch's `user_namespace`, in which the process has all capabilities and nothing else of what it was.
    LAUNCH_JOIN_USER_NAMESPACE,
    /// Drops what is not in the mask from the bounding set [a].
    LAUNCH_BOUNDING_SET,
    /// setgroups, setresgid, setresuid [numbers: groups, a: uid, b: gid].
    LAUNCH_USER,
    /// Sets permitted and effective capabilities and empties inheritable and ambient ones [a].
    LAUNCH_CAPABILITIES,
    /// PR_SET_NO_NEW_PRIVS.
    LAUNCH_NO_NEW_PRIVILEGES,
    /// Installs a filter program [program, a: bytes].
    LAUNCH_SECCOMP,
    /// chdir(2), then checks that the directory can be named [path].
    LAUNCH_WORKING_DIRECTORY,
    /// PR_SET_PDEATHSIG [a: signal].
    LAUNCH_PARENT_DEATH_SIGNAL,
    /// execve(2) of the first path that exists [list: paths, arguments, environment].
    LAUNCH_EXECUTE,
};

/// One step.
struct linux_step {
    uint32_t operation;
    uint32_t count;
    const char *path;
    const char *other;
    const char *const *list;
    const char *const *arguments;
    const char *const *environment;
    const uint32_t *numbers;
    const void *program;
    uint64_t a, b, c;
};

/// What to start.
struct linux_launch {
    const struct linux_step *steps;
    uint32_t count;
    /// CLONE_NEW* flags for clone3(2).
    uint64_t namespaces;
    /// A cgroup v2 directory to start in, or -1.
    int cgroup;
    /// Open `cgroup.procs` files of v1 hierarchies.
    const int *cgroup_procs;
    uint32_t cgroup_procs_count;
    /// Standard streams.
    int streams[3];
    /// Where LAUNCH_TERMINAL sends the controlling side, or -1.
    int terminal_socket;
    /// The pidfd of a process whose namespaces (`namespaces`) are joined instead of made, or -1.
    int join;
    /// A user namespace for LAUNCH_MAP_OWNERS, LAUNCH_BIND and LAUNCH_JOIN_USER_NAMESPACE, or -1.
    int user_namespace;
    /// Who starts the process, out of the v1 cgroups that it has joined before; NULL for the caller.
    struct linux_parked *parked;
    /// Whether the process is not spared when memory runs out, even where the caller is: see oom_score_adj in proc(5).
    int not_spared;
    /// The step before which the child dies, for tests; LAUNCH_STARTED for none. Only where FAILPOINTS is defined.
    int64_t die_before;
};

/// What was started. `failed_step` is LAUNCH_STARTED, LAUNCH_CLONING, LAUNCH_JOINING or the index of the step that failed.
struct linux_launched {
    pid_t process;
    int pidfd;
    int64_t failed_step;
    int error;
};

#define LAUNCH_STARTED (-1)
#define LAUNCH_CLONING (-2)
#define LAUNCH_JOINING (-3)
/// Further places where a launch that joins may die: in its namespaces, and behind the process that it started.
#define LAUNCH_JOINED (-4)
#define LAUNCH_CLONED (-5)

/// Starts a process; returns when it has executed its program or a step has failed. The caller must keep descriptors 0,
/// 1 and 2 open. Only the calling thread waits.
void linux_launch_start(const struct linux_launch *launch, struct linux_launched *launched);

/// A helper that joined v1 cgroups ahead of time and waits there to start one process: what it starts is in them from its
/// first instruction. It shares the caller's memory and descriptors, starts the process as the caller's child, and is then
/// gone.
struct linux_parked;

/// Makes a helper in the cgroups of some files to which a process writes `0` to join; returns once it has joined them, or NULL with `errno`.
/// For a process with one thread.
struct linux_parked *linux_park(const int *cgroup_procs, uint32_t count);

/// Ends the helper, if it has not gone yet, and frees what belongs to it.
void linux_unpark(struct linux_parked *parked);
