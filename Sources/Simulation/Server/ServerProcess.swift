import APIServer
import ControlPlane
import Controllers
import HTTP
import Model
import Store

/// One life of the server: the production store on a simulated disk, the production API without a socket, and the production loop
/// without a thread.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class ServerProcess: @unchecked Sendable {
    private unowned let world: World
    let epoch: Int
    let store: MemoryStore
    let lag: LaggingStore
    let api: APIServer
    private let engine: ReconcileEngine
    private var isStepping = false
    private var stepAt: TimeSpan?
    private var isWriting = false
    private var streams: [WatchStream] = []
    /// Whether the store refuses every write.
    private(set) var isBroken = false

    /// How long one step of the loop takes.
    private static let stepTime = TimeSpan(nanoseconds: 200_000)

    init(_ world: World, epoch: Int, disk: Disk, commits: [StoreCommit]) {
        self.world = world
        self.epoch = epoch
        store = MemoryStore(
            options: StoreOptions { $0.historyLimit = world.historyLimit }, recovering: commits, journal: disk)
        lag = LaggingStore(store, in: world)
        let ids = SimulatedIDs(world)
        api = APIServer(
            store: store, clock: { [unowned world] in world.wall }, monotonic: { [unowned world] in world.now },
            ids: ids,
            authenticator: StaticAuthenticator(tokens: [:]),
            watches: WatchServing { serving in
                serving.hasOwnThread = false
                serving.maximumQueued = world.sabotage == .boundlessWatches ? Int.max : World.watchLimit
                serving.backlogMark = World.backlogMark
                serving.wake = { [unowned world] in world.server.process?.wakeWatches() }
            })
        var options = ControlPlaneOptions()
        let limit = world.plan.strength(.smallInbox)
        if limit > 0 { options.inboxLimit = limit }
        let inbox = Inbox(limit: options.inboxLimit) { [unowned world] in world.server.process?.wake() }
        engine = ReconcileEngine(store: lag, ids: ids, inbox: inbox, options: options) { [unowned world] request in
            ServerProcess.resolve(request, inbox, epoch, world)
        }
    }

    /// Lets go of everything that reaches others.
    func die() {
        engine.close()
        api.stop()
        api.serveWatches()
        lag.close()
        for stream in streams { stream.breakOff() }
        streams = []
    }

    // MARK: - The loop

    /// Has the loop step soon.
    func wake() { step(at: world.now + Self.stepTime) }

    private func step(at time: TimeSpan) {
        if let stepAt, stepAt <= time { return }
        stepAt = time
        world.after(time - world.now) { [weak self] in
            guard let self, stepAt == time, world.server.isRunning(epoch) else { return }
            stepAt = nil
            step()
        }
    }

    private func step() {
        // A slow disk holds up whoever waits for it.
        guard world.server.readyAt <= world.now else { return step(at: world.server.readyAt) }
        let now = world.wall
        guard let next = engine.step(now: now) else {
            if world.server.isRunning(epoch) { world.server.fail() }
            return
        }
        guard world.server.isRunning(epoch) else { return }
        step(at: world.now + max(Self.stepTime, min(next - now, .hours(1))))
    }

    /// Answers where an image's digest is, after a while.
    private static func resolve(_ request: ImageRequest, _ inbox: Inbox, _ epoch: Int, _ world: World) {
        let wait = world.draw("registry") { $0.span(.milliseconds(5)...(.seconds(2))) }
        world.after(wait) { [unowned world] in
            guard world.server.isRunning(epoch) else { return }
            let reference = request.reference
            let isMissing = Image(reference).isMissing
            if isMissing || world.happens(.registry, "registry") {
                let error = isMissing ? "no such image" : "the registry does not answer"
                inbox.deliver(ImageResolution(reference: reference, digest: nil, error: error), to: request)
            } else {
                let digest = reference.hasPrefix("rootfs:") ? nil : "sha256:" + Self.digest(reference)
                inbox.deliver(ImageResolution(reference: reference, digest: digest), to: request)
            }
        }
    }

    private static func digest(_ reference: String) -> String {
        var random = SeededRandom(seed: 0, stream: reference)
        return (0..<64).map { _ in String(random.below(16), radix: 16) }.joined()
    }

    // MARK: - The API

    func handle(_ request: HTTPRequest) -> APIAnswer? {
        let responder = DirectResponder()
        api.handle(request, responder)
        world.observe(.queued("changes of a watch", count: api.longestWatchQueue, limit: World.watchLimit))
        if responder.answer?.status == 500 {
            isBroken = true
            world.after(world.draw("server") { $0.span(.seconds(1)...(.seconds(5))) }) { [weak self] in
                guard let self, world.server.isRunning(epoch) else { return }
                world.server.fail()
            }
        }
        return responder.answer
    }

    func watch(_ request: HTTPRequest, _ stream: WatchStream) -> Bool {
        let responder = DirectResponder(stream: stream)
        streams.removeAll { $0.isOver }
        streams.append(stream)
        api.handle(request, responder)
        wakeWatches()
        guard responder.answer == nil else {
            streams.removeLast()
            return false
        }
        return true
    }

    func wakeWatches() {
        guard !isWriting else { return }
        isWriting = true
        world.after(Self.stepTime) { [weak self] in
            guard let self, world.server.isRunning(epoch) else { return }
            isWriting = false
            guard let wait = api.serveWatches() else { return }
            serveWatches(after: wait)
        }
    }

    private var deadline: TimeSpan?

    private func serveWatches(after wait: TimeSpan) {
        let time = world.now + max(wait, .milliseconds(1))
        if let deadline, deadline <= time, deadline > world.now { return }
        deadline = time
        world.after(time - world.now) { [weak self] in self?.wakeWatches() }
    }
}

extension Image {
    fileprivate var isMissing: Bool { if case .missing = self { true } else { false } }
}

extension World {
    /// How much history the store keeps: little, so that watches find it gone.
    var historyLimit: Int { [200, 1000, 10_000][Int(plan.seed % 3)] }
    /// How many changes may wait for a watch.
    static let watchLimit = 60
    /// How many bytes may wait for a watch's client.
    static let backlogMark = 16 << 10
}
