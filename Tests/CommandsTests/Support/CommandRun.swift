import Client
import Model
import Synchronization

@testable import Commands

/// The outcome of one command line against a double of the API.
struct CommandRun {
    /// The exit code.
    let code: Int32
    /// What was written to standard output.
    let output: String
    /// What was written to standard error.
    let errors: String

    /// The moment at which commands are run.
    static let now = Timestamp("2026-01-02T03:04:05Z") ?? Timestamp(seconds: 0)

    /// Runs a command line.
    init(_ words: String..., client: FakeAPIClient = FakeAPIClient()) { self.init(words: words, client: client) }

    /// Runs a command line; time passes only while the command waits.
    init(words: [String], client: FakeAPIClient = FakeAPIClient()) {
        let written = Written()
        let context = Context(
            writeOutput: { written.output.append($0) }, writeErrors: { written.errors.append($0) },
            clock: WaitClock(
                wall: { Self.now }, monotonic: { written.time.withLock { $0 } },
                pause: { span in written.time.withLock { $0 = $0 + span } }),
            client: { _ in client })
        code = Program.run(words, context: context)
        output = written.output.text
        errors = written.errors.text
    }
}

private final class Written: Sendable {
    let output = Collected()
    let errors = Collected()
    let time = Mutex(TimeSpan.zero)
}

/// Bytes that were written.
final class Collected: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}
