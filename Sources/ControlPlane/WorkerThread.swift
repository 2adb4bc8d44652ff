import Glibc

/// A thread that runs one closure.
final class WorkerThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    private let handle: pthread_t?

    /// Starts the thread.
    init(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let code = pthread_create(&thread, nil, Self.main, body.toOpaque())
        if code == 0 {
            handle = thread
        } else {
            body.release()
            handle = nil
        }
    }

    /// Whether the thread could be started.
    var isStarted: Bool { handle != nil }

    /// Waits for the end of the closure. To be called at most once.
    func join() {
        if let handle { pthread_join(handle, nil) }
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
        if let pointer { Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run() }
        return nil
    }
}
