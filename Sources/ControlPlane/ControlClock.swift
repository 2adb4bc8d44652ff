public import Model
public import Threads

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
    public func now() -> Timestamp { MachineClock.wall }

    /// Waits by the monotonic clock, so that a wall clock that jumps neither hangs the loop nor spins it.
    public func wait(for signal: WakeSignal, until time: Timestamp) {
        signal.wait(atMost: max(.zero, min(time - now(), .hours(1))))
    }
}
