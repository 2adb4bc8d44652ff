import Glibc
import Linux
import Model
import Supervision
import Synchronization
import Threads

/// Keeps sandboxes ready, so that a pod need not wait for what takes long and is the same for all: a process, namespaces
/// and cgroups. A thread of its own makes them, all that are missing together.
final class SandboxPool: Sendable {
    private struct State {
        var size: PoolSize
        var ready: [ParkedSandbox] = []
        var isStopped = false
        /// Until when no more are made, after a failure; the machine may be short of something.
        var pausedUntil: Int64 = 0
        var pause: Int64 = 0
    }

    /// How often it is looked whether those that are ready still run, in nanoseconds: what ends meanwhile is reaped, removed
    /// and replaced although nobody asks for a sandbox.
    private static let lookPeriod: Int64 = 5_000_000_000

    private let state: Monitor<State>
    private let maker: SandboxMaker
    private let thread: Thread

    init(_ size: PoolSize, _ maker: SandboxMaker) throws(ThreadError) {
        let state = Monitor(State(size: size))
        self.state = state
        self.maker = maker
        thread = try Thread { Self.keepFilled(state, maker) }
    }

    /// Ends what is ready, and the thread.
    func stop() {
        state.change { $0.isStopped = true }
        thread.join()
    }

    /// A sandbox that nobody else gets; nil when none is ready.
    func take() -> ParkedSandbox? {
        let now = Self.now
        var dead: [ParkedSandbox] = []
        defer { dead.forEach(maker.discard) }
        return state.change { state in
            state.size.take(at: now)
            while let sandbox = state.ready.popLast() {
                if sandbox.isAlive { return sandbox }
                dead.append(sandbox)
            }
            return nil
        }
    }

    /// How many are ready.
    var count: Int { state.change { $0.ready.count } }

    private static var now: Int64 { MachineClock.monotonic.nanoseconds }

    /// What there is to do.
    private enum Work {
        case make(Int)
        case discard([ParkedSandbox])
        case stop([ParkedSandbox])
        /// Nothing yet, but sooner than it seemed.
        case look
    }

    private static func keepFilled(_ state: Monitor<State>, _ maker: SandboxMaker) {
        while true {
            let now = Self.now
            let until = state.change { nextLook($0, now) }
            let limit = TimeSpan(nanoseconds: max(0, until - now) + 1_000_000)
            let next: Work? = state.wait(atMost: limit) { state in
                let now = Self.now
                return nextWork(&state, now) ?? (nextLook(state, now) < until ? .look : nil)
            }
            switch next {
            case nil, .look: continue
            case .make(let count): make(count, state, maker)
            case .discard(let sandboxes): sandboxes.forEach(maker.discard)
            case .stop(let sandboxes): return sandboxes.forEach(maker.discard)
            }
        }
    }

    /// When to look again although nothing has changed.
    private static func nextLook(_ state: State, _ now: Int64) -> Int64 {
        if state.ready.count < state.size.wanted(at: now) { return madeFrom(state, now) }
        let decrease = state.size.nextDecrease(after: now) ?? now + 3600 * 1_000_000_000
        return state.ready.isEmpty ? decrease : min(decrease, now + lookPeriod)
    }

    /// When missing ones are made.
    private static func madeFrom(_ state: State, _ now: Int64) -> Int64 {
        max(state.pausedUntil, state.size.refillTime(ready: state.ready.count, at: now))
    }

    private static func nextWork(_ state: inout State, _ now: Int64) -> Work? {
        if state.isStopped {
            defer { state.ready = [] }
            return .stop(state.ready)
        }
        let dead = state.ready.filter { !$0.isAlive }
        if !dead.isEmpty {
            let directories = Set(dead.map(\.directory))
            state.ready.removeAll { directories.contains($0.directory) }
            return .discard(dead)
        }
        let missing = state.size.wanted(at: now) - state.ready.count
        if missing < 0 {
            defer { state.ready.removeFirst(-missing) }
            return .discard(Array(state.ready.prefix(-missing)))
        }
        return missing > 0 && now >= madeFrom(state, now) ? .make(missing) : nil
    }

    private static func make(_ count: Int, _ state: Monitor<State>, _ maker: SandboxMaker) {
        let starting = (0..<count).compactMap { _ in maker.begin() }
        var made = 0
        for sandbox in starting {
            guard let sandbox = maker.finish(sandbox) else { continue }
            made += 1
            state.change { $0.ready.insert(sandbox, at: 0) }
        }
        let now = Self.now
        state.change { state in
            // Twice as long after each failure, up to a minute.
            state.pause = made == count ? 0 : min(max(state.pause * 2, 1_000_000_000), 60_000_000_000)
            state.pausedUntil = now + state.pause
        }
    }
}

/// The pools of a node: of sandboxes with a user namespace, as most pods have, and without one. Those are only kept ready
/// once they are asked for.
struct SandboxPools: Sendable {
    /// Nil where the kernel cannot map user ids.
    let mapped: SandboxPool?
    let plain: SandboxPool

    func stop() {
        mapped?.stop()
        plain.stop()
    }
}
