import ContainerRuntime
import Glibc
import Linux
import Wire

/// Moves bytes between a process started in a container and the client of an `exec`.
struct ExecBridge {
    let runtime: any PodRuntime
    let session: ExecSession
    let channel: any PodExecChannel

    /// Runs until the process has ended and its output was sent, or the client has gone; returns the exit code.
    ///
    /// A process whose client has gone is killed by closing its session: nobody else could end it.
    func run() throws(RuntimeError) -> Int {
        ignoreBrokenPipes()
        let departure = try makeDeparture()
        defer {
            close(departure.reading)
            session.closeOutputs()
        }
        let input = session.terminal ?? session.standardInput
        let (runtime, session, channel) = (runtime, session, channel)
        // Duplicated before anything can close the original: closing the session does not pull it away under a write.
        let copy = input.map { fcntl($0, F_DUPFD_CLOEXEC, 3) } ?? -1
        if let original = session.standardInput { close(original) }
        startThread {
            Self.feed(copy, channel, runtime, session)
            close(departure.writing)
        }
        guard copyOutput(until: departure.reading) else { throw RuntimeError(.system, "the client has gone") }
        return try runtime.execResult(session)
    }

    /// A pipe that is at its end once the client sends nothing more.
    private func makeDeparture() throws(RuntimeError) -> Pipe {
        do {
            return try Pipe()
        } catch {
            if let input = session.standardInput { close(input) }
            session.closeOutputs()
            throw RuntimeError(.system, "\(error)")
        }
    }

    /// Passes on what the client sends until it has gone, to a descriptor that it closes; -1 for none.
    private static func feed(
        _ descriptor: Int32, _ channel: any PodExecChannel, _ runtime: any PodRuntime, _ session: ExecSession
    ) {
        var input = descriptor
        func endInput() {
            if input >= 0 { close(input) }
            input = -1
        }
        while let message = channel.receive() {
            switch message {
            case .stdin(let bytes): if input >= 0, !writeFully(input, bytes) { endInput() }
            case .endOfStdin where session.terminal == nil: endInput()
            case .endOfStdin:
                // A terminal has no end of file of its own; control-D asks the line discipline for one.
                _ = writeFully(input, [4])
            case .resize(let rows, let columns): try? runtime.resize(session, rows: rows, columns: columns)
            }
        }
        endInput()
    }

    /// Passes output on until the process has ended and all of it was sent; false when the client has gone before.
    private func copyOutput(until departure: Int32) -> Bool {
        var sources: [(descriptor: Int32, isError: Bool)] = []
        if let terminal = session.terminal { sources.append((terminal, false)) }
        if let output = session.standardOutput { sources.append((output, false)) }
        if let errors = session.standardError { sources.append((errors, true)) }
        var hasEnded = false
        // A process may close its output long before it ends.
        while !sources.isEmpty || !hasEnded {
            var entries = sources.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            entries.append(pollfd(fd: departure, events: Int16(POLLIN), revents: 0))
            if !hasEnded { entries.append(pollfd(fd: session.completion, events: Int16(POLLIN), revents: 0)) }
            // Once the process has ended only what it left in the pipes is read: a child of it may hold them open.
            let count = poll(&entries, nfds_t(entries.count), hasEnded ? 100 : -1)
            if count < 0 && errno == EINTR { continue }
            if count == 0 && hasEnded { return true }
            if count < 0 || entries[sources.count].revents != 0 { return false }
            if !hasEnded, let last = entries.last, last.revents != 0 { hasEnded = true }
            for (source, entry) in zip(sources, entries) where entry.revents != 0 {
                switch passOn(source) {
                case .passed: break
                case .isAtEnd: sources.removeAll { $0.descriptor == source.descriptor }
                case .isUnheard: return false
                }
            }
        }
        return true
    }

    private enum Passing {
        case passed, isAtEnd, isUnheard
    }

    /// Reads once and sends it.
    private func passOn(_ source: (descriptor: Int32, isError: Bool)) -> Passing {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        let length = read(source.descriptor, &buffer, buffer.count)
        if length < 0 && (errno == EINTR || errno == EAGAIN) { return .passed }
        // The controlling side of a terminal reads EIO once nobody holds the other side.
        if length <= 0 { return .isAtEnd }
        let bytes = Array(buffer.prefix(length))
        let isHeard = source.isError ? channel.send(stderr: bytes) : channel.send(stdout: bytes)
        return isHeard ? .passed : .isUnheard
    }
}

extension ExecSession {
    /// Closes all but standard input.
    func closeOutputs() {
        for descriptor in [terminal, standardOutput, standardError, completion] {
            if let descriptor { close(descriptor) }
        }
    }
}

/// Has writes to closed pipes return EPIPE instead of ending the process (signal(7)).
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Writes all bytes; false when the other side is closed.
private func writeFully(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            if errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, 1000)
                continue
            }
            return false
        }
        rest = rest.dropFirst(count)
    }
    return true
}
