// What a container may do beyond plain computing: a program that the kernel tests run inside containers, beside
// probe.c. It writes a line `NAME RESULT` for each attempt: `ok`, or the name of the error that stopped it. It has to be
// the container's first process, and root there.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void report(const char *name, long result) {
    printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
    fflush(stdout);
}

/// The result of a function in a child of its own: 0, or -1 with the child's error.
static int apart(int (*attempt)(void)) {
    pid_t child = fork();
    if (child == 0) _exit(attempt() >= 0 ? 0 : errno);
    int status;
    waitpid(child, &status, 0);
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
    return errno == 0 ? 0 : -1;
}

static int write_to(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    if (file < 0) return -1;
    ssize_t written = write(file, text, strlen(text));
    int error = errno;
    close(file);
    errno = error;
    return written < 0 ? -1 : 0;
}

/// Whether a file has content, or a directory entries.
static int has_content(const char *path) {
    char byte;
    int file = open(path, O_RDONLY);
    if (file < 0) return -1;
    ssize_t count = read(file, &byte, 1);
    int error = errno;
    close(file);
    if (count > 0) return 0;
    errno = count < 0 ? error : ENODATA;
    if (count == 0 || error != EISDIR) return -1;
    DIR *directory = opendir(path);
    if (directory == NULL) return -1;
    int entries = 0;
    while (readdir(directory) != NULL) entries++;
    closedir(directory);
    errno = ENODATA;
    return entries > 2 ? 0 : -1;
}

static int has_content_by_link(void) {
    symlink("/proc/kcore", "/tmp/kcore");
    return has_content("/tmp/kcore");
}

static int sees_other_processes(void) {
    DIR *processes = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) count += atoi(entry->d_name) > 1;
    closedir(processes);
    errno = ESRCH;
    return count > 0 ? 0 : -1;
}

static int trace_parent(void) { return (int)ptrace(PTRACE_SEIZE, getppid(), 0, 0); }

static int read_parent(void) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)&write_to, 1};
    return (int)process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static int stop_being_root(void) { return setresuid(1000, 1000, 1000); }

/// The classic way out of a chroot: a directory held open, a second chroot, and up from there.
static int leave_root(void) {
    struct stat own, reached;
    int held = open("/", O_RDONLY | O_DIRECTORY);
    mkdir("/tmp/jail", 0755);
    if (stat("/", &own) < 0 || chroot("/tmp/jail") < 0 || fchdir(held) < 0) return -1;
    for (int level = 0; level < 64; level++)
        if (chdir("..") < 0) return -1;
    if (stat(".", &reached) < 0) return -1;
    errno = EXDEV;
    return own.st_dev == reached.st_dev && own.st_ino == reached.st_ino ? -1 : 0;
}

static int enter_chroot(void) {
    mkdir("/tmp/jail", 0755);
    return chroot("/tmp/jail");
}

/// Becomes root by a setuid copy of this program, from an ordinary user.
static int use_setuid(void) {
    char bytes[1 << 16];
    int from = open("/proc/self/exe", O_RDONLY), to = open("/tmp/setuid", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (ssize_t count; (count = read(from, bytes, sizeof bytes)) > 0;)
        if (write(to, bytes, (size_t)count) != count) return -1;
    close(to);
    if (chmod("/tmp/setuid", 04755) < 0 || setresuid(1000, 1000, 1000) < 0) return -1;
    execl("/tmp/setuid", "setuid", "am-i-root", NULL);
    return -1;
}

static int make_and_open(const char *path, mode_t kind, unsigned major, unsigned minor) {
    if (mknod(path, kind | 0666, makedev(major, minor)) < 0) return -1;
    return open(path, O_RDWR | O_NONBLOCK);
}

static int listen_on_80(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

static int change_interface(void) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    return ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request);
}

static int give_file_capabilities(void) {
    const unsigned char capabilities[20] = {1, 0, 0, 2, 0, 32};  // Version 2, effective, CAP_NET_RAW.
    close(open("/tmp/capable", O_WRONLY | O_CREAT, 0755));
    return setxattr("/tmp/capable", "security.capability", capabilities, sizeof capabilities, 0);
}

static int raise_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max++;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static int has_more_descriptors(void) {
    for (int descriptor = 3; descriptor < 4096; descriptor++)
        if (fcntl(descriptor, F_GETFD) >= 0) return 0;
    return -1;
}

static int read_by_handle(void) {
    struct {
        struct file_handle handle;
        unsigned char bytes[128];
    } file = {.handle = {.handle_bytes = 128}};
    int mount;
    if (name_to_handle_at(AT_FDCWD, "/etc/passwd", &file.handle, &mount, 0) < 0 && errno != EOPNOTSUPP) return -1;
    return open_by_handle_at(AT_FDCWD, &file.handle, O_RDONLY);
}

static int set_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now);
}

static int become_real_time(void) {
    struct sched_param parameters = {.sched_priority = 1};
    return sched_setscheduler(0, SCHED_FIFO, &parameters);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "am-i-root") == 0) return geteuid() == 0 ? 0 : EPERM;
    report("descriptors-leaked", has_more_descriptors());
    report("processes-seen", sees_other_processes());
    report("kill-everybody", kill(-1, 0));
    report("ptrace-own", apart(trace_parent));
    report("read-own-memory", apart(read_parent));
    report("become-user", apart(stop_being_root));
    report("setuid-program", apart(use_setuid));
    report("file-capabilities", give_file_capabilities());
    report("chroot", apart(enter_chroot));
    report("leave-root", apart(leave_root));
    report("open-by-handle", read_by_handle());
    report("user-map", write_to("/proc/self/uid_map", "0 0 1"));
    report("personality", personality(ADDR_NO_RANDOMIZE));
    report("spare-from-oom", write_to("/proc/self/oom_score_adj", "-500"));
    report("raise-limit", raise_limit());
    report("raise-priority", setpriority(PRIO_PROCESS, 0, -5));
    report("real-time", become_real_time());
    report("set-clock", set_clock());
    report("ports-of-machine", ioperm(0x80, 1, 1));
    report("lower-ports", listen_on_80());
    report("ping-socket", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    report("interface", change_interface());
    report("write-core-pattern", write_to("/proc/sys/kernel/core_pattern", "x"));
    report("write-modprobe", write_to("/proc/sys/kernel/modprobe", "x"));
    report("write-own-sysctl", write_to("/proc/sys/net/ipv4/ip_forward", "1"));
    report("write-sysrq", write_to("/proc/sysrq-trigger", "h"));
    report("write-irq", write_to("/proc/irq/default_smp_affinity", "1"));
    report("write-sys", write_to("/sys/kernel/profiling", "1"));
    report("write-cgroup", write_to("/sys/fs/cgroup/cgroup.procs", "0"));
    report("write-cgroup-v1", write_to("/sys/fs/cgroup/memory/cgroup.procs", "0"));
    report("read-kcore", has_content("/proc/kcore"));
    report("read-kcore-by-link", has_content_by_link());
    report("read-kcore-by-root", has_content("/proc/1/root/proc/kcore"));
    report("read-kcore-by-task", has_content("/proc/self/task/../../kcore"));
    report("read-keys", has_content("/proc/keys"));
    report("read-timers", has_content("/proc/timer_list"));
    report("read-interrupts", has_content("/proc/interrupts"));
    report("read-firmware", has_content("/sys/firmware"));
    report("device-null", make_and_open("/tmp/null", S_IFCHR, 1, 3));
    report("device-disk", make_and_open("/tmp/disk", S_IFBLK, 254, 0));
    report("device-memory", make_and_open("/tmp/mem", S_IFCHR, 1, 1));
    report("device-kmsg", make_and_open("/tmp/kmsg", S_IFCHR, 1, 11));
    report("device-fuse", make_and_open("/tmp/fuse", S_IFCHR, 10, 229));
    report("device-kvm", make_and_open("/tmp/kvm", S_IFCHR, 10, 232));
    report("device-tun", make_and_open("/tmp/tun", S_IFCHR, 10, 200));
    return 0;
}
