import Glibc
public import Model

/// A value behind a lock, and a condition to wait for: a mutex and a condition variable in one (pthread_cond_wait(3)).
///
/// Unchecked, and safe: the value is touched with the mutex held only, and the two pthread objects live at fixed addresses
/// of their own as long as the monitor.
public final class Monitor<Value: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    /// Makes a monitor that holds a value.
    public init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits with a limit must not end early or late because somebody sets the wall clock.
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

    /// Changes the value and wakes everybody who waits.
    public func change<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return body(&value)
    }

    /// Waits until a question about the value has an answer, or a length of time has passed.
    ///
    /// - Parameters:
    ///   - limit: how long to wait; without end when nil.
    ///   - question: asked with the lock held, first at once and then after every change; it may change the value.
    /// - Returns: the answer; nil after the time.
    public func wait<Answer>(atMost limit: TimeSpan? = nil, _ question: (inout Value) -> Answer?) -> Answer? {
        let deadline = limit.map(Self.deadline(in:))
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let answer = question(&value) { return answer }
            if var deadline {
                if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return question(&value) }
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
    }

    private static func deadline(in limit: TimeSpan) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let wanted = max(.zero, limit)
        let nanoseconds = Int64(time.tv_nsec) + wanted.nanoseconds % 1_000_000_000
        time.tv_sec += Int(wanted.wholeSeconds + nanoseconds / 1_000_000_000)
        time.tv_nsec = Int(nanoseconds % 1_000_000_000)
        return time
    }
}
