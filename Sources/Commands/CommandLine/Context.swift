import Glibc

/// Where a command's output goes, and what its surroundings are.
struct Context: Sendable {
    /// Writes text to standard output.
    var output: @Sendable (String) -> Void
    /// Writes text to standard error.
    var errors: @Sendable (String) -> Void
    /// Whether standard output is a terminal; colours and progress are for terminals only.
    var isTerminal: Bool
    /// Environment variables.
    var environment: [String: String]

    /// Writes a line to standard output.
    func print(_ line: String) { output(line + "\n") }
    /// Writes a line to standard error.
    func note(_ line: String) { errors(line + "\n") }

    /// The surroundings of the running process.
    static func process() -> Context {
        Context(
            output: { write($0, to: STDOUT_FILENO) }, errors: { write($0, to: STDERR_FILENO) },
            isTerminal: isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil, environment: processEnvironment())
    }

    /// Writes all of a text; a reader that is gone ends the program quietly, as in `martlet get pods | head`.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
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
