public import Controllers
import Model
public import Store
import Synchronization
import Threads

/// The one loop that reconciles: a thread that steps a `ReconcileEngine`, and the threads that resolve images for it.
public final class ControlPlane: Sendable {
    private struct Running {
        let loop: Thread
        let images: ImageWorkers
    }
    private let store: any Store
    private let clock: any ControlClock
    private let ids: any IDSource
    private let imageResolver: any ImageResolver
    private let options: ControlPlaneOptions
    private let signal = WakeSignal()
    private let shouldStop = Atomic(false)
    private let running = Mutex<Running?>(nil)

    /// Makes a control plane that does nothing yet.
    ///
    /// - Parameters:
    ///   - store: where desired and observed are kept.
    ///   - clock: the time.
    ///   - ids: makes names and uids.
    ///   - imageResolver: finds digests.
    ///   - options: how it works.
    public init(
        store: any Store, clock: any ControlClock = SystemClock(), ids: any IDSource = RandomIDs(),
        imageResolver: any ImageResolver, options: ControlPlaneOptions = ControlPlaneOptions()
    ) {
        self.store = store
        self.clock = clock
        self.ids = ids
        self.imageResolver = imageResolver
        self.options = options
    }

    /// Starts to reconcile. A second call has no effect.
    public func start() {
        running.withLock { running in
            guard running == nil else { return }
            shouldStop.store(false, ordering: .releasing)
            let signal = signal
            let inbox = Inbox(limit: options.inboxLimit) { signal.raise() }
            let images = ImageWorkers(count: options.imageWorkers, resolver: imageResolver, inbox: inbox)
            let loop = startLoop { [self] in run(inbox, images) }
            running = Running(loop: loop, images: images)
        }
    }

    /// A control plane that cannot have its thread cannot work at all.
    private func startLoop(_ body: @escaping @Sendable () -> Void) -> Thread {
        do {
            return try Thread(body)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Stops to reconcile; returns when the loop has ended and nothing more is written.
    public func stop() {
        let stopped = running.withLock { running -> Running? in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        shouldStop.store(true, ordering: .releasing)
        signal.raise()
        stopped.loop.join()
        stopped.images.stop()
    }

    private func run(_ inbox: Inbox, _ images: ImageWorkers) {
        let engine = ReconcileEngine(store: store, ids: ids, inbox: inbox, options: options) { images.submit($0) }
        while !shouldStop.load(ordering: .acquiring), let next = engine.step(now: clock.now()) {
            if next > clock.now() { clock.wait(for: signal, until: next) }
        }
        engine.close()
    }
}
