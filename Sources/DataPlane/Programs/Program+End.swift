import Glibc
import Linux

extension Program {
    /// Ends the program that an earlier process left running, and waits for its end; nothing happens when there is none.
    func end() throws(LinuxError) {
        guard let running = try find() else { return }
        defer { close(running.pidfd) }
        try signalProcess(pidfd: running.pidfd, signal: SIGTERM)
        if !awaitReadable(running.pidfd, milliseconds: 5_000) {
            try signalProcess(pidfd: running.pidfd, signal: SIGKILL)
            _ = awaitReadable(running.pidfd, milliseconds: 5_000)
        }
    }
}
