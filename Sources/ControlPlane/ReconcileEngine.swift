public import Controllers
public import Model
import Scheduler
public import Store

/// How the engine works.
public struct ControlPlaneOptions: Sendable {
    /// How often everything is read and decided about again, whatever was heard.
    public var resyncPeriod = TimeSpan.minutes(5)
    /// How long an event is kept after it last happened.
    public var eventLifetime = TimeSpan.hours(1)
    /// How many events are kept.
    public var eventLimit = 10_000
    /// How many changes may wait to be looked at before they are dropped and everything is read anew.
    public var inboxLimit = 100_000
    /// Where Apps' virtual addresses are taken from; nil where nothing would serve them.
    public var virtualAddresses: VirtualAddressPlan?
    /// How many images are resolved at the same time.
    public var imageWorkers = 4
    /// Takes a line for the log; called on the loop's thread.
    public var log: @Sendable (String) -> Void = { _ in }

    /// The usual settings.
    public init() {}
}

/// The reconcile loop without its thread and its clock: each `step` takes one dirty key, decides, and commits.
///
/// Not safe to use from several threads; what other threads say comes in by the `Inbox`.
public final class ReconcileEngine {
    let store: any Store
    let ids: any IDSource
    let options: ControlPlaneOptions
    let inbox: Inbox
    private let requestImage: (ImageRequest) -> Void
    var view = ClusterView()
    var queue = WorkQueue()
    private var watch: (any StoreWatch)?
    private var awaited: StoreRevision = 0
    private var nextResync: Timestamp?
    private var isClosed = false
    private var lastStep: Timestamp?
    private var inFlight: Set<ImageRequest> = []
    var resolutions: [ObjectKey: [ImageResolution]] = [:]

    /// Makes an engine; its first step reads the store.
    ///
    /// - Parameters:
    ///   - store: where desired and observed are kept.
    ///   - ids: makes names and uids.
    ///   - inbox: what other threads say.
    ///   - options: how the engine works.
    ///   - requestImage: starts to resolve an image; must not block. The answer goes to the inbox.
    public init(
        store: any Store, ids: any IDSource, inbox: Inbox, options: ControlPlaneOptions = ControlPlaneOptions(),
        requestImage: @escaping (ImageRequest) -> Void
    ) {
        self.store = store
        self.ids = ids
        self.inbox = inbox
        self.options = options
        self.requestImage = requestImage
    }

    /// Does one piece of work.
    ///
    /// - Returns: when to call again unless the inbox is filled before: `now` while there is more to do; nil when the store
    ///   is closed or broken and there is no more to do for ever.
    public func step(now: Timestamp) -> Timestamp? {
        followClock(now)
        takeMessages(now: now)
        if isClosed { return nil }
        if watch == nil || now >= nextResync ?? now {
            guard open(now: now) else { return isClosed ? nil : now + .seconds(1) }
        }
        // Decide nothing before the view shows what was written last: each decision sees the ones before it.
        if view.revision < awaited { return now + .milliseconds(10) }
        if let key = queue.next(now: now) {
            work(on: key, now: now)
            takeMessages(now: now)
        }
        if isClosed { return nil }
        if watch == nil { return now }
        return [queue.nextTime(now: now), nextResync].compactMap { $0 }.min()
    }

    /// Where the clock was set back, what waits would wait for as long again. One that was set forward does no harm: what is looked
    /// at too early is looked at once more.
    private func followClock(_ now: Timestamp) {
        defer { lastStep = now }
        guard let lastStep, now < lastStep else { return }
        queue.move(by: now - lastStep)
        nextResync = nextResync.map { $0 + (now - lastStep) }
    }

    /// Stops listening to the store.
    public func close() {
        watch?.cancel()
        watch = nil
        isClosed = true
    }

    // MARK: - Hearing

    /// Reads everything, listens from there on, and marks everything dirty.
    private func open(now: Timestamp) -> Bool {
        nextResync = now + options.resyncPeriod
        let (objects, revision) = store.list(StoreScope(type: nil))
        view = ClusterView(objects, revision: revision)
        for (key, why) in view.unreadable.sorted(by: { $0.key < $1.key }) { options.log("cannot read \(key): \(why)") }
        markAll()
        guard watch == nil else { return true }
        do {
            let inbox = inbox
            watch = try store.watch(StoreScope(type: nil), after: revision) { inbox.deliver($0) }
            return true
        } catch {
            ended(error)
            return false
        }
    }

    private func takeMessages(now: Timestamp) {
        let (messages, hasOverflowed) = inbox.drain()
        if hasOverflowed { nextResync = now }
        for message in messages {
            switch message {
            case .events(let events):
                for event in events where view.apply(event) {
                    if let why = view.unreadable[event.object.key] {
                        options.log("cannot read \(event.object.key): \(why)")
                    }
                    mark(event, now: now)
                }
                if let last = events.last { view.advance(to: last.object.revision) }
            case .progress(let revision): view.advance(to: revision)
            case .ended(let error): ended(error)
            case .resolved(let request, let resolution):
                inFlight.remove(request)
                resolutions[request.app, default: []].append(resolution)
                queue.add(.object(request.app))
            }
        }
    }

    private func ended(_ error: StoreError) {
        watch?.cancel()
        watch = nil
        switch error {
        case .closed, .failed, .corrupt:
            isClosed = true
            options.log("reconciling ends: \(error)")
        case .expired, .futureRevision, .conflict, .full: break
        }
    }

    // MARK: - Deciding

    private func work(on key: WorkKey, now: Timestamp) {
        let decision = decide(key, now: now)
        do {
            var builder = TransactionBuilder(
                view: view, store: store, now: now, preconditions: decision.preconditions)
            for action in decision.actions { try builder.apply(action) }
            if let transaction = builder.transaction { awaited = try store.commit(transaction).revision }
            queue.succeed(key)
            finish(key, decision.actions)
        } catch StoreError.failed(let message) {
            ended(.failed(message))
        } catch StoreError.closed {
            ended(.closed)
        } catch {
            // A conflict, a full disk, or an object that has gone: look again soon, then later and later.
            if case StoreError.full = error { options.log("nothing can be written: \(error)") }
            queue.retry(key, now: now)
        }
    }

    private func finish(_ key: WorkKey, _ actions: [Action]) {
        if case .object(let object) = key { resolutions[object] = nil }
        for action in actions {
            switch action {
            case .wakeAt(let time, let object):
                queue.add(object.type == .event ? .events : .object(object), at: time)
            case .resolveImage(let app, let reference):
                let request = ImageRequest(app: app, reference: reference)
                if inFlight.insert(request).inserted { requestImage(request) }
            default: break
            }
        }
    }
}
