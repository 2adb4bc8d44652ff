import Glibc
public import Model

/// The control plane's time, and its way of waiting for it.
public protocol ControlClock: Sendable {
    /// The present moment.
    func now() -> Timestamp
    /// Blocks until the signal is raised, or until a moment has come. The signal is lowered on return.
    func wait(for signal: WakeSignal, until time: Timestamp)
}

/// The machine's clock.
public struct SystemClock: ControlClock {
    /// Makes the clock.
    public init() {}

    /// The wall clock (clock_gettime(2), CLOCK_REALTIME).
    public func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Waits by the monotonic clock, so that a wall clock that jumps neither hangs the loop nor spins it.
    public func wait(for signal: WakeSignal, until time: Timestamp) {
        signal.wait(atMost: max(.zero, min(time - now(), .hours(1))))
    }
}

/// A flag that one thread waits for and others raise.
public final class WakeSignal: @unchecked Sendable {
    // Safe: `isRaised` is touched with the mutex held only, and the two pthread objects live at fixed addresses of their
    // own until nobody refers to the signal any more.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isRaised = false

    /// Makes a signal that is not raised.
    public init() {
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

    /// Raises the signal.
    public func raise() {
        pthread_mutex_lock(mutex)
        isRaised = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until the signal is raised or the time has passed, and lowers it.
    public func wait(atMost time: TimeSpan) {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = Int64(deadline.tv_nsec) + time.nanoseconds % 1_000_000_000
        deadline.tv_sec += Int(time.wholeSeconds + nanoseconds / 1_000_000_000)
        deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_mutex_lock(mutex)
        while !isRaised, pthread_cond_timedwait(condition, mutex, &deadline) == 0 {}
        isRaised = false
        pthread_mutex_unlock(mutex)
    }
}
