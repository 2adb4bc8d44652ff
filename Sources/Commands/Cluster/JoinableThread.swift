import Glibc

/// A thread whose end can be waited for (pthread_join(3)).
struct JoinableThread {
    private let thread: pthread_t

    /// Starts the thread.
    init(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(ThreadBody(body))
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "cannot start a thread: \(String(cString: strerror(result)))")
        self.thread = thread
    }

    /// Waits for its end; called once.
    func join() { pthread_join(thread, nil) }
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
