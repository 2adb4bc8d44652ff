import Synchronization

/// Something that keeps a connection out of its thread's loop and lets go when the server stops.
protocol Interruptible: AnyObject, Sendable {
    /// Lets go of the connection; called once, on the thread that stops the server.
    func interrupt()
}

/// What must let go before the daemon can be stopped: libmicrohttpd refuses to stop while a connection is suspended.
final class LiveRegistry: Sendable {
    private struct State {
        var isStopping = false
        var live: [ObjectIdentifier: any Interruptible] = [:]
    }

    private let state = Mutex(State())

    /// Adds something; false when the server is stopping, and then it must not begin.
    func enter(_ one: any Interruptible) -> Bool {
        state.withLock { state in
            guard !state.isStopping else { return false }
            state.live[ObjectIdentifier(one)] = one
            return true
        }
    }

    /// Removes something that has ended or let go.
    func leave(_ one: any Interruptible) {
        // The last reference may go with it, and what its end calls may come back here.
        let removed = state.withLock { $0.live.removeValue(forKey: ObjectIdentifier(one)) }
        withExtendedLifetime(removed) {}
    }

    /// Lets nothing in any more and interrupts what is there.
    func stop() {
        let live = state.withLock { state in
            state.isStopping = true
            defer { state.live = [:] }
            return state.live
        }
        for one in live.values { one.interrupt() }
    }
}
