import Client
import Glibc
import Model
import Threads

/// Waits for a length of time (nanosleep(2)).
func pause(_ span: TimeSpan) {
    var wanted = timespec(tv_sec: Int(span.wholeSeconds), tv_nsec: Int(span.nanoseconds % 1_000_000_000))
    var rest = timespec()
    while nanosleep(&wanted, &rest) != 0 && errno == EINTR { wanted = rest }
}

/// The clocks that commands wait by.
struct WaitClock: Sendable {
    /// The time of day.
    var wall: @Sendable () -> Timestamp
    /// Time since some moment, which never goes back.
    var monotonic: @Sendable () -> TimeSpan
    /// Waits.
    var pause: @Sendable (TimeSpan) -> Void

    /// The machine's.
    static let system = WaitClock(
        wall: { MachineClock.wall }, monotonic: { MachineClock.monotonic }, pause: Commands.pause)
}

/// Asks again and again until a question has an answer or the time is up.
///
/// Asking every 50 ms, and every 200 ms after ten seconds, rather than watching keeps one request a question, works over a
/// server's restart, and is what a person can see anyway.
struct Poll {
    let clock: WaitClock
    let deadline: TimeSpan
    private let start: TimeSpan

    /// Asks for a length of time from now on.
    init(_ clock: WaitClock, limit: TimeSpan) {
        self.clock = clock
        start = clock.monotonic()
        deadline = start + limit
    }

    /// The first answer that is not nil; nil when the time is up. A server that cannot be reached is asked again.
    func until<Answer>(_ question: () throws -> Answer?) throws -> Answer? {
        while true {
            do {
                if let answer = try question() { return answer }
            } catch ClientError.unreachable(let message) {
                if clock.monotonic() >= deadline { throw ClientError.unreachable(message) }
            }
            if clock.monotonic() >= deadline { return nil }
            clock.pause(clock.monotonic() < start + .seconds(10) ? .milliseconds(50) : .milliseconds(200))
        }
    }
}
