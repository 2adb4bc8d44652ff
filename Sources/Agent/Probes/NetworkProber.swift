import Glibc
import Model
import Synchronization
import Threads

/// Makes network checks on one thread: any number of them at a time, each with its own time limit.
final class NetworkProber: Sendable {
    /// One check.
    struct Check: Sendable {
        /// The IPv4 address.
        var address: String
        /// The port.
        var port: Int
        /// What is said over the connection.
        var exchange: any ProbeExchange
        /// How long it may take.
        var timeout: TimeSpan
        /// Called on the prober's thread with what went wrong, or nil for success.
        var completion: @Sendable (String?) -> Void
    }

    private struct Shared {
        var added: [Check] = []
        var isStopped = false
    }

    private let shared = Mutex(Shared())
    private let wakeRead: Int32
    private let wakeWrite: Int32

    /// Starts the thread.
    init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends {
            setFlags(end)
        }
        (wakeRead, wakeWrite) = (ends[0], ends[1])
        startThread { [self] in run() }
    }

    // Not when the thread ends: whoever adds a check after that would write to a descriptor that is somebody else's.
    deinit {
        close(wakeRead)
        close(wakeWrite)
    }

    /// Adds a check; after `stop` it is dropped.
    func add(_ check: Check) {
        shared.withLock { $0.added.append(check) }
        wake()
    }

    /// Ends the thread; checks under way are dropped without an answer.
    func stop() {
        shared.withLock { $0.isStopped = true }
        wake()
    }

    private func wake() {
        var byte: UInt8 = 0
        _ = write(wakeWrite, &byte, 1)
    }

    private func run() {
        var checks: [RunningCheck] = []
        while true {
            let (added, isStopped) = shared.withLock { shared in
                defer { shared.added = [] }
                return (shared.added, shared.isStopped)
            }
            if isStopped { break }
            checks += added.compactMap(RunningCheck.init)
            wait(for: checks)
            checks = checks.filter { !$0.advance(now: MachineClock.monotonic) }
        }
        for check in checks { check.abandon() }
    }

    private func wait(for checks: [RunningCheck]) {
        var entries = [pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)]
        entries += checks.map { pollfd(fd: $0.descriptor, events: $0.interest, revents: 0) }
        let now = MachineClock.monotonic
        let deadline = checks.map(\.deadline).min()
        // Rounded up: a poll that ends just before the deadline would spin.
        let timeout = deadline.map { Int32(clamping: max(0, ($0 - now).nanoseconds / 1_000_000 + 1)) } ?? -1
        _ = poll(&entries, nfds_t(entries.count), timeout)
        if entries[0].revents != 0 {
            var sink = [UInt8](repeating: 0, count: 64)
            while read(wakeRead, &sink, sink.count) > 0 {}
        }
        for (check, entry) in zip(checks, entries.dropFirst()) { check.isReady = entry.revents != 0 }
    }
}

/// A check that has been started. Used by the prober's thread only.
private final class RunningCheck {
    let descriptor: Int32
    let deadline: TimeSpan
    var isReady = false
    private var check: NetworkProber.Check
    private var isConnected = false
    private var sent = 0
    private var received: [UInt8] = []

    /// Starts to connect; nil when that failed at once, which the completion was told.
    init?(_ check: NetworkProber.Check) {
        self.check = check
        deadline = MachineClock.monotonic + check.timeout
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = UInt16(truncatingIfNeeded: check.port).bigEndian
        guard descriptor >= 0 else {
            check.completion("cannot connect to \(check.address):\(check.port): \(errnoText(errno))")
            return nil
        }
        guard inet_pton(AF_INET, check.address, &target.sin_addr) == 1 else {
            finish("cannot connect to \(check.address):\(check.port): no such address")
            return nil
        }
        // Closing with a reset leaves no TIME_WAIT behind; a probe every second would pile them up.
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 && errno != EINPROGRESS {
            finish("cannot connect to \(check.address):\(check.port): \(errnoText(errno))")
            return nil
        }
    }

    var interest: Int16 { Int16(!isConnected || sent < check.exchange.request.count ? POLLOUT : POLLIN) }

    /// Goes on as far as it can; true when the check has ended.
    func advance(now: TimeSpan) -> Bool {
        if isReady, let failure = progress() {
            finish(failure.isEmpty ? nil : failure)
            return true
        }
        guard now >= deadline else { return false }
        finish("no answer from \(check.address):\(check.port) within \(check.timeout)")
        return true
    }

    func abandon() { close(descriptor) }

    private func finish(_ failure: String?) {
        close(descriptor)
        check.completion(failure)
    }

    /// Nil to go on, the empty string for success, else what went wrong.
    private func progress() -> String? {
        if !isConnected {
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
            if code != 0 { return "cannot connect to \(check.address):\(check.port): \(errnoText(code))" }
            isConnected = true
        }
        let request = check.exchange.request
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : "sending failed: \(errnoText(errno))" }
            sent += count
        }
        return request.isEmpty ? judge(ended: false) : receive()
    }

    private func receive() -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { return errno == EAGAIN || errno == EINTR ? nil : "reading failed: \(errnoText(errno))" }
            received += buffer.prefix(count)
            if let verdict = judge(ended: count == 0) { return verdict }
            if received.count > 1 << 17 { return "the answer is too long" }
        }
    }

    private func judge(ended: Bool) -> String? {
        switch check.exchange.verdict(on: received, ended: ended) {
        case .needsMore: nil
        case .success: ""
        case .failure(let message): message
        }
    }
}

private func setFlags(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
}
