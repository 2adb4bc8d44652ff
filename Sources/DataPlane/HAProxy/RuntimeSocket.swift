import Glibc
import Linux
import Proxy

/// HAProxy's socket for commands: of the process that runs, or of the master, which passes commands on.
struct RuntimeSocket: Sendable {
    /// Where the socket is.
    let path: String
    /// How long HAProxy may take to answer.
    private static let seconds = 5
    /// How long an answer may be: the statistics of several thousand pods.
    private static let answerLimit = 64 << 20

    /// Sends a line and reads the whole answer.
    func ask(_ line: String) throws(LinuxError) -> [UInt8] {
        let connection = try Descriptor(owning: UnixSocket.connect(path: path, seconds: Self.seconds))
        try send(Array("\(line)\n".utf8), connection.raw)
        // The master waits for more otherwise.
        try systemCall("shutdown", path: path) { shutdown(connection.raw, Int32(SHUT_WR)) }
        return try readAll(connection.raw, path: path, limit: Self.answerLimit)
    }

    /// Writes without a signal when HAProxy has gone.
    private func send(_ bytes: [UInt8], _ connection: Int32) throws(LinuxError) {
        var sent = 0
        while sent < bytes.count {
            sent += try systemCall("send", path: path) {
                bytes.withUnsafeBytes {
                    Glibc.send(
                        connection, $0.baseAddress?.advanced(by: sent), bytes.count - sent,
                        Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// Sends a line and reads the answer as text.
    func text(_ line: String) throws(LinuxError) -> String { String(decoding: try ask(line), as: UTF8.self) }

    /// Has commands carried out, in order.
    ///
    /// - Parameter each: told of each command and why it failed, nil when it did not.
    func run(
        _ commands: [RuntimeCommand], directory: String, _ each: (RuntimeCommand, _ failure: String?) -> Void
    ) throws(LinuxError) {
        var rest = commands[...]
        for line in RuntimeBatch.lines(commands.map { $0.text(directory: directory) }) {
            let answer = try text(line.joined(separator: "; "))
            guard let answers = RuntimeBatch.answers(answer, count: line.count) else {
                throw LinuxError(
                    "read", path: path, errno: EPROTO, detail: "HAProxy answered \"\(answer.prefix(200))\"")
            }
            for (command, answer) in zip(rest.prefix(line.count), answers) { each(command, command.failure(answer)) }
            rest = rest.dropFirst(line.count)
        }
    }
}

/// A process of HAProxy, as its master lists it.
struct ProxyProcess: Sendable, Hashable {
    /// Its process id.
    var pid: Int32
    /// Whether a reload has replaced it: it finishes what it has.
    var isOld: Bool
}

/// What HAProxy's master says of its processes.
struct ProxyProcesses: Sendable, Hashable {
    /// The processes that serve.
    var workers: [ProxyProcess] = []
    /// How many reloads have failed since the last that did not.
    var failedReloads = 0

    /// Reads what `show proc` answers.
    init(_ answer: String) {
        var isOld = false
        for line in answer.split(separator: "\n") {
            if line.hasPrefix("# old workers") { isOld = true }
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, let pid = Int32(words[0]) else { continue }
            if words[1] == "worker" { workers.append(ProxyProcess(pid: pid, isOld: isOld)) }
            if words[1] == "master", let place = words.firstIndex(of: "[failed:"), place + 1 < words.count {
                failedReloads = Int(words[place + 1].prefix { $0.isNumber }) ?? 0
            }
        }
    }
}
