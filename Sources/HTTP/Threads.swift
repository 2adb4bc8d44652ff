internal import Glibc

/// A thread that runs a closure.
///
/// Unchecked because `pthread_t` is a pointer on some systems; joining is thread-safe and done once by the owner.
final class JoinableThread: @unchecked Sendable {
    private let id: pthread_t

    private init(_ id: pthread_t) { self.id = id }

    /// Starts a thread; nil when the system refuses.
    static func start(_ body: @escaping @Sendable () -> Void) -> JoinableThread? {
        let box = Unmanaged.passRetained(ThreadBody(body))
        var id = pthread_t()
        let code = pthread_create(&id, nil, runBody, box.toOpaque())
        guard code == 0 else {
            box.release()
            errno = code
            return nil
        }
        return JoinableThread(id)
    }

    /// Starts a thread that nobody waits for; false when the system refuses.
    static func detach(_ body: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = start(body) else { return false }
        pthread_detach(thread.id)
        return true
    }

    func join() { pthread_join(id, nil) }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runBody(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
