import Glibc
import Model
import Threads

/// Writes structured lines (logfmt) to standard error: `time=... level=info part=agent msg="..."`.
struct Log: Sendable {
    enum Level: String, Sendable {
        case info, warning, error
    }

    let part: String

    /// Writes one line.
    func callAsFunction(_ message: String, level: Level = .info) {
        let line =
            "time=\(MachineClock.wall.text(fractionDigits: 3)) level=\(level.rawValue) part=\(part) msg=\(JSONValue.string(message).text())\n"
        let bytes = Array(line.utf8)
        // One write a line: lines of several threads do not mix.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
