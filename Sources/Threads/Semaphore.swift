/// Counts signals; each lets one wait pass, now or later.
public final class Semaphore: Sendable {
    private let count = Monitor(0)

    /// Makes a semaphore without signals.
    public init() {}

    /// Lets one waiter pass.
    public func signal() { count.change { $0 += 1 } }

    /// Waits for a signal.
    public func wait() {
        _ = count.wait { count -> Bool? in
            guard count > 0 else { return nil }
            count -= 1
            return true
        }
    }
}
