import Glibc
public import Linux
public import Model
public import Threads

/// What happens to a supervised program.
public enum ProgramEvent: Sendable, Hashable {
    /// It runs; `adopted` when an earlier process had started it.
    case running(pid: Int32, adopted: Bool)
    /// It has ended without being asked, or could not be started. It is started again after the wait.
    ///
    /// The reason is a sentence with the last lines of its log.
    case ended(reason: String, restartIn: TimeSpan)
    /// It has ended because it was asked to.
    case stopped
}

/// What a supervised program is doing.
public enum ProgramStatus: Sendable, Hashable {
    /// It was not started yet, or was stopped.
    case stopped
    /// It runs.
    case running(pid: Int32)
    /// It has ended, and is started again; the reason says how it ended.
    case waiting(reason: String)
}

/// How a program is asked to stop: each signal in turn for a time, then SIGKILL.
public struct StopSignal: Sendable, Hashable {
    /// The signal.
    public var signal: Int32
    /// How long the program may take before the next one.
    public var patience: TimeSpan

    /// Makes a step.
    public init(_ signal: Int32, patience: TimeSpan) {
        self.signal = signal
        self.patience = patience
    }
}

/// Keeps a program running: starts it, or takes over the one that runs already, and starts it again when it ends. One
/// thread; events are told on it.
public final class SupervisedProgram: Sendable {
    /// What is kept running.
    public let program: Program
    private let backoff: RestartBackoff
    private let clock: @Sendable () -> TimeSpan
    private let onEvent: @Sendable (ProgramEvent) -> Void
    private let wake: Pipe
    private let content = Monitor(Content())

    private enum Wish: Hashable {
        case run, leave, stop
    }
    private struct Content {
        var wish = Wish.run
        var signals: [StopSignal] = []
        var status = ProgramStatus.stopped
        var pidfd: Int32?
        var thread: Thread?
        var isOver = false
    }

    /// Describes what is to be kept running; `start` begins.
    ///
    /// - Parameters:
    ///   - clock: a clock that never jumps.
    ///   - onEvent: told of what happens, in order, by the supervising thread.
    public init(
        _ program: Program, backoff: RestartBackoff = RestartBackoff(),
        clock: @escaping @Sendable () -> TimeSpan = { MachineClock.monotonic },
        onEvent: @escaping @Sendable (ProgramEvent) -> Void
    ) throws(LinuxError) {
        self.program = program
        self.backoff = backoff
        self.clock = clock
        self.onEvent = onEvent
        wake = try Pipe()
        try setNonBlocking(wake.writing)
    }

    deinit { wake.close() }

    /// Begins, on a thread of its own. The program of an earlier process is taken over as it is.
    public func start() throws(ThreadError) {
        let thread = try Thread { self.run() }
        content.change { $0.thread = thread }
    }

    /// What the program is doing.
    public var status: ProgramStatus { content.change { $0.status } }

    /// Sends the running program a signal; nothing happens when it does not run.
    public func signal(_ signal: Int32) throws(LinuxError) {
        let result = content.change { content -> Result<Void, LinuxError> in
            guard let pidfd = content.pidfd else { return .success(()) }
            return Result { () throws(LinuxError) in try signalProcess(pidfd: pidfd, signal: signal) }
        }
        try result.get()
    }

    /// Ends the supervision; the program goes on, for the next process to take over.
    public func leave() { finish(.leave, []) }

    /// Ends the program and the supervision, and waits for both.
    ///
    /// - Parameter signals: what the program is asked with, in turn, before it is killed.
    public func stop(_ signals: [StopSignal] = [StopSignal(SIGTERM, patience: .seconds(10))]) {
        finish(.stop, signals)
    }

    private func finish(_ wish: Wish, _ signals: [StopSignal]) {
        let thread = content.change { content in
            content.wish = wish
            content.signals = signals
            defer { content.thread = nil }
            return content.thread
        }
        _ = write(wake.writing, [1], 1)
        thread?.join()
    }

    private var wish: Wish { content.change { $0.wish } }

    private func tell(_ status: ProgramStatus, _ event: ProgramEvent) {
        content.change { $0.status = status }
        onEvent(event)
    }

    private func run() {
        var backoff = backoff
        var isFirst = true
        while wish == .run {
            let began = clock()
            let (reason, ran) = runOnce(adopting: isFirst, began: began)
            isFirst = false
            guard wish == .run, let reason else { break }
            let wait = backoff.ended(after: ran)
            tell(.waiting(reason: reason), .ended(reason: reason, restartIn: wait))
            if wait > .zero { _ = awaitReadable(wake.reading, milliseconds: milliseconds(wait)) }
        }
        if wish == .stop { tell(.stopped, .stopped) }
    }

    /// Runs the program until it ends or something else is wished.
    ///
    /// - Returns: why it ended, nil when something else is wished, and how long it ran.
    private func runOnce(adopting: Bool, began: TimeSpan) -> (reason: String?, ran: TimeSpan) {
        let running: RunningProgram
        do {
            let found = adopting ? try program.find() : nil
            running = try found ?? program.start()
        } catch {
            return ("\(program.executable) did not start: \(error)", .zero)
        }
        content.change { $0.pidfd = running.pidfd }
        tell(.running(pid: running.pid), .running(pid: running.pid, adopted: !running.isChild))
        let reason = watch(running)
        content.change { $0.pidfd = nil }
        close(running.pidfd)
        return (reason, clock() - began)
    }

    private func watch(_ running: RunningProgram) -> String? {
        while true {
            let (hasEnded, isWoken) = awaitEnd(running.pidfd)
            if hasEnded { return end(of: running) }
            if isWoken, wish == .leave { return nil }
            if isWoken, wish == .stop {
                end(running)
                return nil
            }
            try? program.boundLog()
        }
    }

    private func end(of running: RunningProgram) -> String {
        // Of a program that another process started nobody tells how it ended.
        let end = (try? reapChild(pidfd: running.pidfd)) ?? nil
        let how =
            switch end {
            case .exited(let code)?: "exited with code \(code)"
            case .killed(let signal)?: "was killed by signal \(signal)"
            case nil: "has ended"
            }
        let lines = program.lastLines(5)
        let name = program.executable.split(separator: "/").last ?? ""
        return lines.isEmpty ? "\(name) \(how)" : "\(name) \(how): \(lines.joined(separator: "; "))"
    }

    /// Asks the program to end, and kills it when it does not.
    private func end(_ running: RunningProgram) {
        for step in content.change({ $0.signals }) {
            try? signalProcess(pidfd: running.pidfd, signal: step.signal)
            if awaitReadable(running.pidfd, milliseconds: milliseconds(step.patience)) { break }
        }
        try? signalProcess(pidfd: running.pidfd, signal: SIGKILL)
        _ = awaitReadable(running.pidfd, milliseconds: 10_000)
        _ = try? reapChild(pidfd: running.pidfd)
        try? removeDurably(program.pidFile)
    }

    /// Waits for the end of the program, for a wish, or for the time to look at the log.
    private func awaitEnd(_ pidfd: Int32) -> (hasEnded: Bool, isWoken: Bool) {
        var requests = [pidfd, wake.reading].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = poll(&requests, 2, 10_000)
        return (requests[0].revents != 0, requests[1].revents != 0)
    }

    private func milliseconds(_ span: TimeSpan) -> Int32 {
        Int32(clamping: max(0, span.wholeMilliseconds))
    }
}
