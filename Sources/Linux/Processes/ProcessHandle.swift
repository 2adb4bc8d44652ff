import CLinux
import Glibc

/// How a process ended.
public enum ProcessEnd: Sendable, Hashable {
    /// By itself, with a code.
    case exited(code: Int32)
    /// By a signal.
    case killed(signal: Int32)

    /// The code as a shell reports it: 128 + signal where a signal ended the process.
    public var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .killed(let signal): 128 + signal
        }
    }
}

/// Reaps a child of this process that has ended; nil when it still runs.
public func reapChild(pidfd: Int32) throws(LinuxError) -> ProcessEnd? {
    var (kind, status): (Int32, Int32) = (0, 0)
    try systemCall("waitid") { linux_reap(pidfd, &kind, &status) }
    switch kind {
    case 0: return nil
    case Int32(CLD_EXITED): return .exited(code: status)
    default: return .killed(signal: status)
    }
}

/// Opens a process by its number; nil when there is none.
public func openProcess(_ pid: Int32) throws(LinuxError) -> Int32? {
    do {
        return try systemCall("pidfd_open", path: "\(pid)") { linux_pidfd_open(pid, 0) }
    } catch let error where error.errno == ESRCH {
        return nil
    }
}

/// Sends a signal to a process by its pidfd; nothing happens when it has ended.
public func signalProcess(pidfd: Int32, signal: Int32) throws(LinuxError) {
    try systemCall("pidfd_send_signal", ignoring: ESRCH) { linux_pidfd_send_signal(pidfd, signal) }
}

/// Waits until a descriptor is readable (a pidfd is when its process has ended).
///
/// - Returns: Whether it was within the time.
public func awaitReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
        let count = poll(&request, 1, milliseconds)
        if count >= 0 || errno != EINTR { return count > 0 }
    }
}

/// When a process started, in clock ticks since the machine did; with the number it names a process for good.
/// See proc_pid_stat(5), field 22. Nil when there is no such process.
public func processStartTime(_ pid: Int32) -> UInt64? {
    let fields = processFields(pid)
    return fields.count > 19 ? UInt64(fields[19]) : nil
}

/// Whether a process was stopped, by `SIGSTOP` or by whoever traces it, and waits to be told to go on. See
/// proc_pid_stat(5), field 3.
public func isProcessStopped(_ pid: Int32) -> Bool { ["T", "t"].contains(processFields(pid).first) }

/// Whether a process runs and leads its session, see setsid(2); one that has ended and waits to be reaped does not.
public func isSessionLeader(_ pid: Int32) -> Bool {
    let fields = processFields(pid)
    return fields.count > 3 && fields[3] == "\(pid)" && !["Z", "X"].contains(fields[0])
}

/// What proc_pid_stat(5) says of a process from field 3 on; nothing when there is none.
private func processFields(_ pid: Int32) -> [Substring] {
    guard let text = try? readText("/proc/\(pid)/stat", limit: 8192) else { return [] }
    // The second field is the program's name in parentheses, which may contain anything.
    guard let end = text.lastIndex(of: ")") else { return [] }
    return text[text.index(after: end)...].split(separator: " ")
}

/// The wall clock, in nanoseconds since the Unix epoch.
public func wallClock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
