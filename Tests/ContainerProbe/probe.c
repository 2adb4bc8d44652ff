// A program that the kernel tests run inside containers: it tries what a container must not be able to do and writes one
// line `NAME RESULT` for each attempt, where the result is `ok` or the name of the error.
//
//   probe calls                 system calls that a container has no business with
//   probe devices               device nodes that it makes itself
//   probe write PATH...         opening files for writing
//   probe self                  what it has been given: descriptors, session, mask, directory, groups, keyring
//   probe exchange A B          exchanges two names until it is killed
//   probe spy                   looks into processes that are just being started, until /tmp/end is there
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void report(const char *name, long result) {
    printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
    fflush(stdout);
}

/// A system call of the 32-bit table, which a 64-bit program may make too.
static long call32(uint32_t number, uint32_t a, uint32_t b) {
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"((long)number), "b"((long)a), "c"((long)b), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
#else
    errno = ENOSYS;
    return -1;
#endif
}

static void calls(void) {
    static char buffer[4096];
    report("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    report("mount-cgroup", mount("none", "/tmp", "cgroup", 0, "memory"));
    report("umount", umount2("/proc", MNT_DETACH));
    report("remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
    report("pivot_root", syscall(SYS_pivot_root, ".", "."));
    report("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    report("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    report("move_mount", syscall(SYS_move_mount, -1, "", -1, "", 0));
    report("mount_setattr", syscall(SYS_mount_setattr, -1, "", 0, buffer, 32));
    report("unshare-user", unshare(CLONE_NEWUSER));
    report("unshare-mount", unshare(CLONE_NEWNS));
    report("unshare-cgroup", unshare(CLONE_NEWCGROUP));
    report("setns", syscall(SYS_setns, -1, 0));
    report("clone-user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    report("clone3", syscall(SYS_clone3, buffer, 64));
    report("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
    report("add_key", syscall(SYS_add_key, "user", "x", "x", 1, KEY_SPEC_SESSION_KEYRING));
    report("request_key", syscall(SYS_request_key, "user", "x", NULL, 0));
    report("bpf", syscall(SYS_bpf, 0, buffer, 64));
    report("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
    report("userfaultfd", syscall(SYS_userfaultfd, 0));
    report("io_uring_setup", syscall(SYS_io_uring_setup, 1, buffer));
    report("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0));
    report("init_module", syscall(SYS_init_module, buffer, 0, ""));
    report("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    report("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
    report("swapon", syscall(SYS_swapon, "/tmp/x", 0));
    report("syslog", syscall(SYS_syslog, 3, buffer, sizeof buffer));
    report("acct", syscall(SYS_acct, NULL));
    report("quotactl", syscall(SYS_quotactl, 0, "/", 0, buffer));
    report("sethostname", sethostname("other", 5));
    report("socket-alg", socket(38, SOCK_SEQPACKET, 0));
    // The kernel looks at the lower half of the family only.
    report("socket-alg-wide", syscall(SYS_socket, 38 | 1UL << 32, SOCK_SEQPACKET, 0));
    report("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    report("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
    report("socket-raw", socket(AF_INET, SOCK_RAW, 1));
    uint32_t *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (arguments != MAP_FAILED) {
        arguments[0] = 38;
        arguments[1] = SOCK_SEQPACKET;
        arguments[2] = 0;
        report("socketcall-alg-32", call32(102, 1, (uint32_t)(uintptr_t)arguments));
    }
    report("socket-alg-32", call32(359, 38, SOCK_SEQPACKET));
    report("unknown", syscall(9999));
}

static void device(const char *name, mode_t type, unsigned major, unsigned minor) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/%s", name);
    int opened = -1;
    if (mknod(path, type | 0666, makedev(major, minor)) == 0) opened = open(path, O_RDWR | O_NONBLOCK);
    report(name, opened);
}

static void devices(void) {
    device("disk-8-0", S_IFBLK, 8, 0);
    device("disk-254-0", S_IFBLK, 254, 0);
    device("mem-1-1", S_IFCHR, 1, 1);
    device("kmsg-1-11", S_IFCHR, 1, 11);
    device("fuse-10-229", S_IFCHR, 10, 229);
    device("kvm-10-232", S_IFCHR, 10, 232);
    device("null-1-3", S_IFCHR, 1, 3);
}

static void self(char **environment) {
    printf("descriptors");
    for (int descriptor = 0; descriptor < 4096; descriptor++)
        if (fcntl(descriptor, F_GETFD) >= 0) printf(" %d", descriptor);
    printf("\nsession %s\n", getsid(0) == getpid() ? "own" : "other");
    int terminal = open("/dev/tty", O_RDWR);
    printf("terminal %s\n", terminal >= 0 ? "ok" : strerrorname_np(errno));
    mode_t mask = umask(0);
    printf("umask %03o\n", mask);
    char directory[4096];
    printf("directory %s\n", getcwd(directory, sizeof directory) == NULL ? "?" : directory);
    gid_t groups[64];
    int count = getgroups(64, groups);
    printf("groups");
    for (int index = 0; index < count; index++) printf(" %u", groups[index]);
    printf("\nenvironment");
    for (; *environment != NULL; environment++) printf(" %s", *environment);
    printf("\nkeyring %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

static _Noreturn void exchange(const char *a, const char *b) {
    printf("ready\n");
    fflush(stdout);
    for (;;) syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

static int is_supervisor(const char *directory) {
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "%s/comm", directory);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    return length > 0 && strncmp(name, "martlet-superv", 14) == 0;
}

/// Whether something of a process that is still the supervisor's image can be opened.
static void look(const char *directory, const char *entry, int flags, int *seen) {
    char path[64];
    if (!is_supervisor(directory)) return;
    *seen += 1;
    snprintf(path, sizeof path, "%s/%s", directory, entry);
    int opened = open(path, flags);
    if (opened < 0) return;
    if (is_supervisor(directory)) printf("opened %s\n", entry);
    close(opened);
}

static void spy(void) {
    int seen = 0;
    printf("ready\n");
    fflush(stdout);
    while (access("/tmp/end", F_OK) != 0) {
        DIR *processes = opendir("/proc");
        if (processes == NULL) break;
        for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
            if (atoi(entry->d_name) <= 1) continue;
            char directory[32];
            snprintf(directory, sizeof directory, "/proc/%.16s", entry->d_name);
            look(directory, "fd/3", O_PATH, &seen);
            look(directory, "fd/7", O_PATH, &seen);
            look(directory, "mem", O_RDWR, &seen);
            look(directory, "root", O_PATH | O_DIRECTORY, &seen);
            look(directory, "cwd", O_PATH | O_DIRECTORY, &seen);
            look(directory, "exe", O_WRONLY, &seen);
        }
        closedir(processes);
    }
    printf("looked %s\n", seen > 0 ? "some" : "none");
}

int main(int count, char **arguments, char **environment) {
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "calls") == 0) calls();
    if (strcmp(mode, "devices") == 0) devices();
    if (strcmp(mode, "self") == 0) self(environment);
    if (strcmp(mode, "spy") == 0) spy();
    if (strcmp(mode, "exchange") == 0 && count == 4) exchange(arguments[2], arguments[3]);
    if (strcmp(mode, "write") == 0)
        for (int index = 2; index < count; index++) report(arguments[index], open(arguments[index], O_WRONLY));
    return 0;
}
