import CLinux
import Glibc
import Synchronization

/// What is being waited for: on a terminal one line that is written over, elsewhere one line for each change.
final class ProgressLine: Sendable {
    private let context: Context
    private let shown = Mutex("")

    init(_ context: Context) { self.context = context }

    /// Shows a text in place of the one before.
    func show(_ text: String) {
        shown.withLock { shown in
            guard text != shown else { return }
            shown = text
            // Carriage return, then erase the line (ECMA-48, CR and EL).
            context.errors(context.showsProgress ? "\r\u{1B}[2K" + text.prefix(Self.columns - 1) : text + "\n")
        }
    }

    /// Takes the line back from a terminal; elsewhere what was written stays.
    func clear() {
        shown.withLock { shown in
            if context.showsProgress && !shown.isEmpty { context.errors("\r\u{1B}[2K") }
            shown = ""
        }
    }

    /// The width of the terminal: a longer text would take two lines, and only the second would be written over.
    private static var columns: Int {
        var (rows, columns): (UInt16, UInt16) = (0, 0)
        return linux_window_size(STDERR_FILENO, &rows, &columns) == 0 && columns > 1 ? Int(columns) : 80
    }
}
