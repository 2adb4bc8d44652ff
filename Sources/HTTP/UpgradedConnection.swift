internal import CMicroHTTPD
internal import Glibc
import Synchronization

/// A connection that speaks another protocol after 101 (RFC 9110 section 7.8).
///
/// The library keeps its own descriptor and waits to be told that the application is done with it, so the handler gets
/// a duplicate that it may close as it likes, and the library is told when the handler has returned.
final class UpgradedConnection: Sendable {
    private struct State {
        /// Unsafe because it is a pointer; it is the library's until it is told that the application is done.
        nonisolated(unsafe) var library: OpaquePointer?
        var descriptor: Int32 = -1
    }

    private let registry: LiveRegistry
    private let handler: @Sendable (Int32, [UInt8]) -> Void
    private let state = Mutex(State())

    init(registry: LiveRegistry, _ handler: @escaping @Sendable (Int32, [UInt8]) -> Void) {
        self.registry = registry
        self.handler = handler
    }

    /// Hands the connection to the handler on a thread of its own; called on the connection's thread.
    func begin(descriptor: Int32, early: [UInt8], library: OpaquePointer) {
        let handle = ConnectionHandle(pointer: library)
        state.withLock { state in
            state.library = handle.pointer
            state.descriptor = descriptor
        }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        let flags = fcntl(descriptor, F_GETFL)
        // The library works with non-blocking descriptors; the handler has a thread to block.
        guard registry.enter(self), copy >= 0, fcntl(copy, F_SETFL, flags & ~O_NONBLOCK) >= 0 else {
            if copy >= 0 { close(copy) }
            return end()
        }
        let started = JoinableThread.detach {
            self.handler(copy, early)
            self.end()
        }
        guard started else {
            close(copy)
            return end()
        }
    }

    /// Ends the connection, once.
    private func end() {
        state.withLock { state in
            guard let library = state.library else { return }
            state.library = nil
            // Data on its way still arrives; whoever waits for more, on either side, reads the end.
            shutdown(state.descriptor, Int32(SHUT_RDWR))
            martlet_mhd_upgrade_close(library)
        }
        registry.leave(self)
    }
}

extension UpgradedConnection: Interruptible {
    func interrupt() { end() }
}
