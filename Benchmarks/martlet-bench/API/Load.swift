import Glibc
import Model
import Synchronization
import Threads

/// So many clients at once, each with one request after the other, until the time is over.
enum Load {
    private struct State {
        var ready = 0
        var end: TimeSpan?
        var completed = 0
        var failure: String?
    }

    /// Runs clients side by side and returns how many requests a second they completed together.
    ///
    /// - Parameter makeClient: given the client's number, connects it, and returns what makes its next request. Called on
    ///   the client's own thread, before the clock starts.
    static func requestsPerSecond(
        clients: Int, seconds: Int, makeClient: @escaping @Sendable (Int) throws -> (() throws -> Void)
    ) throws -> Double {
        let state = Monitor(State())
        let threads = try (0..<clients).map { number in
            try Thread { run(number, clients, seconds, state, makeClient) }
        }
        for thread in threads { thread.join() }
        return try state.change { state in
            if let failure = state.failure { throw BenchmarkError(failure) }
            return Double(state.completed) / Double(seconds)
        }
    }

    private static func run(
        _ number: Int, _ clients: Int, _ seconds: Int, _ state: Monitor<State>,
        _ makeClient: (Int) throws -> (() throws -> Void)
    ) {
        do {
            let next = try makeClient(number)
            try next()
            // All begin at the same moment, with their connections open.
            state.change { state in
                state.ready += 1
                if state.ready == clients { state.end = MachineClock.monotonic + .seconds(Int64(seconds)) }
            }
            guard let end = state.wait({ $0.failure == nil ? $0.end : .zero }) else { return }
            var completed = 0
            while MachineClock.monotonic < end {
                try next()
                completed += 1
            }
            state.change { $0.completed += completed }
        } catch {
            state.change { $0.failure = $0.failure ?? "\(error)" }
        }
    }
}

extension Monitor {
    /// As `change`, with a body that may throw.
    func change<Result>(_ body: (inout Value) throws -> Result) throws -> Result {
        try change { value in Swift.Result { try body(&value) } }.get()
    }
}
