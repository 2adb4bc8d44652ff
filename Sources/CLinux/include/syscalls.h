#pragma once

#include <stdint.h>
#include <sys/types.h>

// System calls that Swift cannot import: variadic ones, `_GNU_SOURCE` ones and those without a libc wrapper.
// Every function returns what the call returns and leaves the error in `errno`.

/// pipe2(2) with O_CLOEXEC and the given further flags.
int linux_pipe(int descriptors[2], int flags);
/// accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK.
int linux_accept(int listener);
/// fcntl(2) F_DUPFD_CLOEXEC.
int linux_duplicate(int descriptor);
/// openat2(2) with O_CLOEXEC; EAGAIN is retried, see openat2(2).
int linux_open_resolved(int directory, const char *path, uint64_t flags, uint64_t resolve);
/// openat2(2) beneath `directory` as if it were the root directory: no symbolic link leads outside.
int linux_open_in_root(int directory, const char *path, uint64_t flags);
/// O_PATH.
extern const int linux_o_path;

/// renameat2(2) with RENAME_EXCHANGE: two paths change places in one instant.
int linux_exchange(const char *one, const char *other);

/// Opens a program so that whoever runs it cannot be made to write it: through a mount of its own that is read-only for
/// good, as no path leads to it.
int linux_open_read_only(const char *path);

/// prctl(2) PR_SET_NAME: what ps(1) shows.
int linux_set_process_name(const char *name);

/// malloc_trim(3): gives memory that is free back to the kernel.
void linux_release_memory(void);

/// madvise(2), MADV_DONTNEED: gives back what the main thread's stack once needed, up to 31 pages. Only for that thread.
void linux_release_stack(void);

/// mallopt(3), M_ARENA_MAX: how many heaps the threads of this process share. Each keeps what its threads once needed.
void linux_share_memory_arenas(int count);

/// mallinfo(3), fordblks: how many bytes the heaps have that nobody uses.
size_t linux_free_memory(void);

/// unshare(2).
int linux_unshare(int flags);
extern const int linux_clone_newnet, linux_clone_newipc, linux_clone_newuts, linux_clone_newns, linux_clone_newpid,
    linux_clone_newcgroup;
/// prctl(2) PR_SET_DUMPABLE.
int linux_set_dumpable(int dumpable);
/// Raises a network interface of this network namespace (SIOCSIFFLAGS).
int linux_interface_up(const char *name);

/// Reaps a child by its pidfd without waiting. `kind` is CLD_EXITED, CLD_KILLED or CLD_DUMPED, 0 when it still runs.
int linux_reap(int pidfd, int *kind, int *status);

/// The peer of a connected unix socket (SO_PEERCRED).
int linux_peer(int socket, pid_t *process, uid_t *user);
/// sendmsg(2) with SCM_RIGHTS and MSG_NOSIGNAL, and MSG_DONTWAIT when `wait` is 0.
ssize_t linux_send(int socket, const void *bytes, size_t length, const int *descriptors, int count, int wait);
/// recvmsg(2) with SCM_RIGHTS and MSG_CMSG_CLOEXEC. On entry `count` is the room in `descriptors`.
ssize_t linux_receive(int socket, void *bytes, size_t length, int *descriptors, int *count);
/// TIOCSWINSZ.
int linux_set_window_size(int terminal, uint16_t rows, uint16_t columns);
/// fcntl(2) F_SETFL O_NONBLOCK.
int linux_set_nonblocking(int descriptor);
/// fcntl(2) F_SETPIPE_SZ.
int linux_set_pipe_room(int pipe, int bytes);
/// fcntl(2) F_GETPIPE_SZ.
int linux_pipe_room(int pipe);
/// Whether a directory of an overlay layer hides the same directory of the layers below it: 1 or 0.
int linux_is_opaque(const char *path);

/// The kind of file system that an open file is on, as in f_type of statfs(2); -1 and errno on failure.
long linux_file_system(int file);
