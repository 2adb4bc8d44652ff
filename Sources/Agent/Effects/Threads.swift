import Glibc
import Model

/// The monotonic clock that also counts while the machine is suspended (clock_gettime(2), CLOCK_BOOTTIME).
func monotonicNow() -> TimeSpan {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return TimeSpan(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

/// The wall clock (clock_gettime(2), CLOCK_REALTIME).
func wallNow() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

/// The text of an error number (errno(3)).
func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Starts a detached thread that runs a body to its end.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // Many threads only wait; the default of 8 MiB would count against limits on address space.
    pthread_attr_setstacksize(&attributes, 512 << 10)
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let body = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            body.body()
            return nil
        }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(result == 0, "cannot start the thread \(name): \(errnoText(result))")
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// A queue that threads wait on (pthread_cond_wait(3)).
final class Mailbox<Element: Sendable>: @unchecked Sendable {
    // Safe: `elements` and `isClosed` are touched with the mutex held only; the pthread objects live as long as the box.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: [Element] = []
    private var isClosed = false

    /// Makes an empty queue.
    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Adds an element and wakes one waiter.
    func send(_ element: Element) {
        pthread_mutex_lock(mutex)
        elements.append(element)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Ends the queue: waiters get what is left, then nil.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits for one element; nil once the queue is closed and empty.
    func receive() -> Element? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while elements.isEmpty && !isClosed { pthread_cond_wait(condition, mutex) }
        return elements.isEmpty ? nil : elements.removeFirst()
    }

    /// Waits for elements until a length of time has passed, and takes all that are there.
    ///
    /// - Parameter limit: how long to wait; without end when nil.
    /// - Returns: the elements, none after the time; nil once the queue is closed and empty.
    func receiveAll(waiting limit: TimeSpan?) -> [Element]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        if let limit {
            let total = Int64(deadline.tv_nsec) + max(0, limit.nanoseconds) % 1_000_000_000
            deadline.tv_sec += Int(max(0, limit.nanoseconds) / 1_000_000_000 + total / 1_000_000_000)
            deadline.tv_nsec = Int(total % 1_000_000_000)
        }
        while elements.isEmpty && !isClosed {
            if limit == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return []
            }
        }
        defer { elements = [] }
        return elements.isEmpty ? nil : elements
    }
}
