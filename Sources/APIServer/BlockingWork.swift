import Glibc
import Synchronization

/// Runs work that waits for something, each on a thread of its own, up to a number of threads.
final class BlockingWork: Sendable {
    private let limit: Int
    private let running = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)

    init(limit: Int) { self.limit = limit }

    /// Whether running work should come to an end.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    /// Asks running work to end and refuses further work.
    func stop() { stopped.store(true, ordering: .releasing) }

    /// Counts work that has its own thread already; false when there is too much. Ends with `leave`.
    func enter() -> Bool {
        guard !isStopped else { return false }
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            return false
        }
        return true
    }

    /// Work that entered has ended.
    func leave() { running.subtract(1, ordering: .relaxed) }

    /// Starts work; false when there is too much of it already.
    func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard enter() else { return false }
        let started = Thread.start { [self] in
            work()
            leave()
        }
        if !started { leave() }
        return started
    }
}

/// Threads that nobody joins.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread; false when the system refuses.
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

/// Lets one thread sleep until another one wakes it or a moment has come.
final class Alarm: @unchecked Sendable {
    // Safe: the pointers never change, and what they point to is only used through the pthread functions, `rung`
    // only while the mutex is held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var rung = false

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

    /// Nanoseconds of the clock that never jumps.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Wakes the sleeper, or keeps it from falling asleep once.
    func ring() {
        pthread_mutex_lock(mutex)
        rung = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Sleeps until somebody rings, or until a moment of the monotonic clock.
    func sleep(until deadline: Int64?) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !rung {
            guard let deadline else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { break }
        }
        rung = false
    }
}
