import CSeccomp
import Glibc
import Linux

/// A system call that can fail although its arguments are right, and the errors it then has.
///
/// Not in the list: close(2), whose error changes nothing (the descriptor is gone); calls that only ask for memory, where Swift
/// ends the program; calls that cannot fail with right arguments, such as getpid(2), or kill(2) of a
/// child.
struct FallibleCall: Sendable {
    let name: String
    let number: Int32
    private let kind: Kind

    private enum Kind: Sendable {
        /// These errors, always.
        case fixed([Int32])
        /// Opens a file; the flags are in this argument.
        case open(flags: Int)
        /// Reads or writes the descriptor in the first argument.
        case transfer(writes: Bool)
    }

    private init?(_ name: String, _ kind: Kind) {
        let number = seccomp_syscall_resolve_name(name)
        guard number >= 0 else { return nil }
        (self.name, self.number, self.kind) = (name, number, kind)
    }

    /// The errors that the call can have here.
    func errors(_ data: seccomp_data, _ process: ObservedProcess) -> [Int32] {
        switch kind {
        case .fixed(let errors): return errors
        case .open(let index):
            let flags = index < 0 ? 0 : Int32(truncatingIfNeeded: data.argument(index))
            return [EMFILE, EIO, EINTR] + (flags & O_CREAT == 0 ? [] : [ENOSPC])
        case .transfer(let writes):
            // Pipes and sockets between healthy processes are only interrupted.
            guard process.target(of: data.argument(0)).hasPrefix("/") else { return [EINTR] }
            return writes ? [ENOSPC, EIO, EINTR] : [EIO, EINTR]
        }
    }

    /// The file that the call is about.
    func subject(_ data: seccomp_data, _ process: ObservedProcess) -> String {
        switch name {
        case "open", "mkdir", "unlink", "rmdir", "rename", "chmod", "stat", "lstat", "chdir", "execve":
            process.text(at: data.argument(0))
        case "openat", "openat2", "mkdirat", "unlinkat", "renameat", "fchmodat", "newfstatat", "mknodat", "open_tree",
            "mount_setattr", "mount":
            process.text(at: data.argument(1))
        case "read", "write", "pwrite64", "fsync", "fchmod", "fchdir", "getdents64":
            process.target(of: data.argument(0))
        default: ""
        }
    }

    static let byNumber = Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0) })

    static let all: [FallibleCall] =
        ["openat", "openat2", "open_tree"].compactMap { FallibleCall($0, .open(flags: $0 == "openat" ? 2 : -1)) }
        + [FallibleCall("open", .open(flags: 1))].compactMap { $0 }
        + ["write", "pwrite64"].compactMap { FallibleCall($0, .transfer(writes: true)) }
        + ["read"].compactMap { FallibleCall($0, .transfer(writes: false)) }
        + table.flatMap { names, errors in
            names.split(separator: " ").compactMap { FallibleCall(String($0), .fixed(errors)) }
        }

    private static let table: [(String, [Int32])] = [
        ("mkdir mkdirat mknodat symlink symlinkat link linkat", [ENOSPC, EIO]),
        ("rename renameat renameat2", [ENOSPC, EIO]),
        ("unlink unlinkat rmdir", [EIO, EBUSY]),
        ("fsync fdatasync syncfs", [EIO, ENOSPC]),
        ("chmod fchmod fchmodat fchown fchownat fsetxattr utimensat", [EIO, EPERM]),
        ("getdents64 chdir fchdir", [EIO]),
        ("stat lstat fstat newfstatat statx", [EIO]),
        ("mount fsopen fsconfig fsmount move_mount mount_setattr umount2 pivot_root chroot", [ENOMEM, EPERM, EBUSY]),
        ("clone clone3", [EAGAIN, ENOMEM]),
        ("vfork fork", [EAGAIN]),
        ("execve execveat", [EIO, ENOMEM]),
        ("unshare setns", [ENOSPC, EPERM]),
        ("pipe2 pipe socket socketpair epoll_create1 pidfd_open memfd_create", [EMFILE, ENFILE]),
        ("dup dup2 dup3", [EMFILE, EINTR]),
        ("connect", [EAGAIN, EINTR]),
        ("bind listen", [ENOSPC]),
        ("accept4", [EMFILE, EINTR]),
        ("sendmsg", [ENOBUFS, EINTR]),
        ("recvmsg", [ENOMEM, EINTR]),
        ("epoll_ctl", [ENOSPC]),
        ("epoll_wait epoll_pwait poll ppoll", [EINTR]),
        ("pidfd_send_signal", [EPERM]),
        ("waitid wait4", [EINTR]),
        ("flock", [EINTR, ENOLCK]),
        ("sethostname setsid setresuid setresgid setgroups capset seccomp bpf prlimit64 setrlimit", [EPERM]),
        ("keyctl", [EDQUOT]),
    ]
}

extension seccomp_data {
    /// An argument of the call, from 0.
    func argument(_ index: Int) -> UInt64 {
        withUnsafeBytes(of: args) { $0.load(fromByteOffset: index * 8, as: UInt64.self) }
    }
}

/// The process that makes a call, and that waits meanwhile.
struct ObservedProcess {
    private let pid: UInt32

    init(_ pid: UInt32) { self.pid = pid }

    /// The path of its program.
    var program: String { link("exe") }

    /// The name of its program, or of the thread.
    var name: String {
        let text = (try? readText("/proc/\(pid)/comm", limit: 64)) ?? "?"
        return String(text.prefix { $0 != "\n" })
    }

    /// Where the code of its dynamic linker is; nowhere when it has none (proc_pid_maps(5)).
    var linker: Range<UInt64> {
        let lines = ((try? readText("/proc/\(pid)/maps", limit: 1 << 20)) ?? "").split(separator: "\n")
        guard let line = lines.first(where: { $0.contains(" r-xp ") && $0.contains("/ld-linux") }) else { return 0..<0 }
        let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
        return bounds.count == 2 && bounds[0] < bounds[1] ? bounds[0]..<bounds[1] : 0..<0
    }

    /// What a descriptor is.
    func target(of descriptor: UInt64) -> String { link("fd/\(Int32(truncatingIfNeeded: descriptor))") }

    /// A text in its memory.
    func text(at address: UInt64) -> String {
        let memory = open("/proc/\(pid)/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else { return "" }
        defer { close(memory) }
        var bytes = [UInt8](repeating: 0, count: 256)
        // A page at a time, as the next one may not be there.
        let room = min(bytes.count, 4096 - Int(address % 4096))
        let count = pread(memory, &bytes, room, off_t(address))
        return String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != 0 }, as: UTF8.self)
    }

    private func link(_ name: String) -> String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/\(pid)/\(name)", &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
