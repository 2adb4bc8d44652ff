import Glibc
import Synchronization

/// A counting semaphore (sem_init(3)).
///
/// `@unchecked Sendable`: a `sem_t` is made to be shared between threads, and the pointer never changes.
final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one waiter pass, now or later.
    func signal() { sem_post(semaphore) }

    /// Waits for a signal.
    func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}

/// A value that one thread waits for and another provides.
final class Promise<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let semaphore = Semaphore()

    /// Provides the value; once.
    func fulfil(_ value: Value) {
        self.value.withLock { $0 = value }
        semaphore.signal()
    }

    /// Waits for the value; one thread, once.
    func wait() -> Value {
        while true {
            semaphore.wait()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}

/// Runs a body on a detached thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) throws(StoreError) {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(body))
    let status = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
            return nil
        }, context.toOpaque())
    guard status == 0 else {
        context.release()
        throw .failed("cannot start a thread: \(String(cString: strerror(status)))")
    }
    pthread_detach(thread)
}
