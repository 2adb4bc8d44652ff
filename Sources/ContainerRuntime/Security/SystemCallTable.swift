import CCap

/// The system calls of the field's default profile for containers, by name: those that any program may use, and those
/// that a capability unlocks. A name that libseccomp does not know is skipped.
///
/// Never allowed are io_uring, userfaultfd, keyrings, kexec, swap, `move_pages`, and what is obsolete.
enum SystemCallTable {
    /// Calls that are allowed whatever their arguments. `clone`, `clone3`, `personality` and `socket` depend on
    /// arguments: see `SeccompProfile`.
    static let allowed: [String] =
        (files + extendedAttributes + events + asynchronousIO + sockets + memory + communication + identity
        + processes + signals + time + system + architecture).sorted()

    /// Calls that a capability unlocks.
    static let unlocked: [(capability: Int32, names: [String])] = [
        (
            CAP_SYS_ADMIN,
            words(
                """
                bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
                lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl
                quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
                """)
        ),
        (CAP_DAC_READ_SEARCH, ["open_by_handle_at"]),
        (CAP_SYS_BOOT, ["reboot"]),
        (CAP_SYS_CHROOT, ["chroot"]),
        (CAP_SYS_MODULE, ["delete_module", "finit_module", "init_module"]),
        (CAP_SYS_PACCT, ["acct"]),
        (CAP_SYS_PTRACE, ["kcmp", "pidfd_getfd", "process_madvise"]),
        (CAP_SYS_RAWIO, ["ioperm", "iopl"]),
        (CAP_SYS_TIME, ["clock_settime", "clock_settime64", "settimeofday", "stime"]),
        (CAP_SYS_TTY_CONFIG, ["vhangup"]),
        (CAP_SYS_NICE, ["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
        (CAP_SYSLOG, ["syslog"]),
        (CAP_BPF, ["bpf"]),
        (CAP_PERFMON, ["perf_event_open"]),
    ]

    private static let files = words(
        """
        _llseek access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
        faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
        fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
        getcwd getdents getdents64 ioctl lchown lchown32 link linkat listmount lseek lstat lstat64 mkdir mkdirat mknod
        mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev
        pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice
        stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate
        truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
        """)
    private static let extendedAttributes = words(
        """
        fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
        lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
        """)
    private static let events = words(
        """
        _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll
        ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4
        """)
    private static let asynchronousIO = words(
        """
        io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ioprio_set
        """)
    private static let sockets = words(
        """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
        recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
        """)
    private static let memory = words(
        """
        brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
        mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
        """)
    private static let communication = words(
        """
        futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list ipc mq_getsetattr mq_notify
        mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv
        msgsnd semctl semget semop semtimedop semtimedop_time64 set_robust_list shmat shmctl shmdt shmget
        """)
    private static let identity = words(
        """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
        getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
        setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
        """)
    private static let processes = words(
        """
        execve execveat exit exit_group fork get_thread_area getcpu getpgid getpgrp getpid getppid getpriority getrlimit
        getrusage getsid gettid kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open
        pidfd_send_signal prctl prlimit64 process_mrelease process_vm_readv process_vm_writev ptrace restart_syscall rseq
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
        sched_setscheduler sched_yield seccomp set_thread_area set_tid_address setpgid setpriority setrlimit setsid
        tgkill tkill ugetrlimit uretprobe vfork wait4 waitid waitpid
        """)
    private static let signals = words(
        """
        rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
        """)
    private static let time = words(
        """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
        clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
        timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
        timerfd_gettime64 timerfd_settime timerfd_settime64 times
        """)
    private static let system = words("getrandom sysinfo uname")

    #if arch(x86_64)
        private static let architecture = ["arch_prctl", "modify_ldt"]
    #elseif arch(arm64)
        private static let architecture = words(
            "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2")
    #else
        private static let architecture: [String] = []
    #endif

    private static func words(_ text: String) -> [String] {
        text.split { $0.isWhitespace }.map(String.init)
    }
}
