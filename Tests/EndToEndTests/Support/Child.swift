import Glibc
import Linux
import Testing

/// How a program ended and what it wrote.
struct Output: CustomStringConvertible {
    var command: String
    var code: Int32
    var out: String
    var err: String

    var lines: [String] { out.split(separator: "\n").map(String.init) }
    var text: String { out + err }
    var description: String { "\(command): exit code \(code)\n\(out)\(err)" }
}

/// A program that runs beside the test. Its output is read as it comes; it ends with this object at the latest.
final class Child {
    let pid: Int32
    let command: String
    private let pidfd: Int32
    private var end: ProcessEnd?
    /// Where standard output and standard error are read; -1 once they are at their end.
    private var sources: [Int32]
    private var texts: [[UInt8]] = [[], []]

    var out: String { String(decoding: texts[0], as: UTF8.self) }
    var err: String { String(decoding: texts[1], as: UTF8.self) }

    /// Starts a program in a session of its own.
    ///
    /// - Parameters:
    ///   - terminal: a pseudo-terminal's path for all three standard streams; pipes when nil.
    ///   - input: what it reads from standard input.
    init(_ words: [String], environment: [String: String], terminal: String? = nil, input: String = "") throws {
        command = words.joined(separator: " ")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A test's process may ignore signals or block them; a program started by a shell does not.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // POSIX_SPAWN_SETSID, which the Glibc module leaves out, is 0x80.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | 0x80)
        var ends: [Pipe] = []
        if let terminal {
            // The first terminal that a session's leader opens becomes its controlling one.
            for stream in [0, 1, 2] { posix_spawn_file_actions_addopen(&actions, Int32(stream), terminal, O_RDWR, 0) }
            sources = []
        } else {
            ends = try [Pipe(), Pipe(), Pipe()]
            posix_spawn_file_actions_adddup2(&actions, ends[0].reading, 0)
            posix_spawn_file_actions_adddup2(&actions, ends[1].writing, 1)
            posix_spawn_file_actions_adddup2(&actions, ends[2].writing, 2)
            sources = [ends[1].reading, ends[2].reading]
        }
        var child: pid_t = 0
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        let error = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &variables)
        for string in arguments + variables { free(string) }
        pid = child
        guard error == 0 else { throw LinuxError("posix_spawn", path: words[0], errno: error) }
        pidfd = try #require(try openProcess(child))
        guard terminal == nil else { return }
        close(ends[0].reading)
        close(ends[1].writing)
        close(ends[2].writing)
        for source in sources { try setNonBlocking(source) }
        if !input.isEmpty { try writeAll(ends[0].writing, Array(input.utf8), path: "standard input") }
        close(ends[0].writing)
    }

    deinit {
        kill(SIGKILL)
        _ = try? awaitEnd(seconds: 10)
        close(pidfd)
        for source in sources where source >= 0 { close(source) }
    }

    /// Whether the program has ended; reads what it has written.
    var hasEnded: Bool {
        read(milliseconds: 0)
        return end != nil
    }

    func kill(_ signal: Int32) {
        if end == nil { try? signalProcess(pidfd: pidfd, signal: signal) }
    }

    /// Reads what there is; waits for more, or for the end, at most for some milliseconds.
    private func read(milliseconds: Int32) {
        var requests = sources.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        requests.append(pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0))
        guard poll(&requests, UInt(requests.count), milliseconds) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        for index in sources.indices where requests[index].revents != 0 {
            let count = Glibc.read(sources[index], &buffer, buffer.count)
            if count > 0 {
                texts[index] += buffer.prefix(count)
            } else if count == 0 {
                close(sources[index])
                sources[index] = -1
            }
        }
        if end == nil, requests[requests.count - 1].revents != 0 { end = try? reapChild(pidfd: pidfd) }
    }

    /// Waits until the program has ended, and what it wrote has been read.
    func awaitEnd(seconds: Double = 60) throws -> Int32 {
        let deadline = Deadline(seconds)
        while end == nil || sources.contains(where: { $0 >= 0 }) {
            // A program that runs on may hold the pipes of one that has ended.
            guard !deadline.isOver else {
                if end != nil { break }
                throw TimedOut(what: "the end of \(command)", last: out + err)
            }
            read(milliseconds: end == nil ? 100 : 20)
        }
        return end?.exitCode ?? -1
    }

    /// Waits until what the program has written fulfils something.
    func awaitOutput(_ what: String, seconds: Double = 20, _ isThere: (Child) -> Bool) throws {
        let deadline = Deadline(seconds)
        while !isThere(self) {
            guard !deadline.isOver, end == nil || sources.contains(where: { $0 >= 0 }) else {
                throw TimedOut(what: "\(what) of \(command)", last: out + err)
            }
            read(milliseconds: 100)
        }
    }
}

/// A moment on the monotonic clock.
struct Deadline {
    private let moment: ContinuousClock.Instant

    init(_ seconds: Double) { moment = .now + .seconds(seconds) }

    var isOver: Bool { ContinuousClock.now >= moment }
}

/// Something did not happen in time.
struct TimedOut: Error, CustomStringConvertible {
    var what: String
    var last: String
    var description: String { "timed out waiting for \(what); last seen: \(last)" }
}

/// Looks again and again until there is an answer.
@discardableResult
func eventually<Value>(
    _ what: String, within seconds: Double = 30, last: () -> String = { "" }, _ look: () throws -> Value?
) throws -> Value {
    let deadline = Deadline(seconds)
    while true {
        if let value = try look() { return value }
        guard !deadline.isOver else { throw TimedOut(what: what, last: last()) }
        _ = awaitReadable(-1, milliseconds: 50)
    }
}
