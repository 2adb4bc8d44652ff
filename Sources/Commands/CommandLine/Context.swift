import Client
import Glibc
import Synchronization

/// Where a command's output goes, and what its surroundings are.
struct Context: Sendable {
    /// Writes bytes to standard output.
    var writeOutput: @Sendable ([UInt8]) -> Void
    /// Writes bytes to standard error.
    var writeErrors: @Sendable ([UInt8]) -> Void
    /// Whether standard output is a terminal; colours are for terminals only.
    var isTerminal = false
    /// Whether standard error is a terminal; lines that are written over are for terminals only.
    var showsProgress = false
    /// Environment variables.
    var environment: [String: String] = [:]
    /// The clocks that commands wait by.
    var clock = WaitClock.system
    /// Reaches the API by the options of a command.
    var client: @Sendable (Invocation) throws -> any APIClient = { try $0.discoveredClient() }

    /// Writes text to standard output.
    func output(_ text: String) { writeOutput(Array(text.utf8)) }
    /// Writes text to standard error.
    func errors(_ text: String) { writeErrors(Array(text.utf8)) }
    /// Writes a line to standard output.
    func print(_ line: String) { output(line + "\n") }
    /// Writes a line to standard error.
    func note(_ line: String) { errors(line + "\n") }
    /// Whether output is coloured (https://no-color.org).
    var hasColours: Bool { isTerminal && environment["NO_COLOR"]?.isEmpty ?? true }

    /// The surroundings of the running process.
    static func process() -> Context {
        let environment = processEnvironment()
        let hasTerminal = environment["TERM"] != "dumb"
        return Context(
            writeOutput: { write($0, to: STDOUT_FILENO) }, writeErrors: { write($0, to: STDERR_FILENO) },
            isTerminal: hasTerminal && isatty(STDOUT_FILENO) == 1,
            showsProgress: hasTerminal && isatty(STDERR_FILENO) == 1, environment: environment)
    }

    /// Held while a text is written, so that lines of several threads do not mix.
    private static let writing = Mutex(())

    /// Writes all of a text; a reader that is gone ends the program quietly, as in `martlet get pods | head`.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        writing.withLock { _ in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0 {
                    if errno == EINTR { continue }
                    if errno == EPIPE { exit(0) }
                    return
                }
                rest = rest.dropFirst(count)
            }
        }
    }
}

/// The environment of the running process, read from `/proc/self/environ` (proc_pid_environ(5)) because `environ` is not
/// safe to read from Swift.
private func processEnvironment() -> [String: String] {
    let descriptor = open("/proc/self/environ", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [:] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < 4 << 20 {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { break }
        bytes += buffer.prefix(count)
    }
    var result: [String: String] = [:]
    for entry in bytes.split(separator: 0) {
        guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
        let name = String(decoding: entry[..<equals], as: UTF8.self)
        result[name] = String(decoding: entry[(equals + 1)...], as: UTF8.self)
    }
    return result
}
