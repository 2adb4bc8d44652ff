import ControlPlane
import Controllers
import Model
import Store
import Synchronization

let start = Timestamp(seconds: 1_800_000_000)
let appKey = ObjectKey(.app, namespace: "default", name: "web")

final class CountingIDs: IDSource {
    private let next = Atomic(0)
    func uid() -> String { "uid-\(next.add(1, ordering: .relaxed).newValue)" }
    func suffix(_ length: Int) -> String {
        let text = String(next.add(1, ordering: .relaxed).newValue)
        return String(repeating: "b", count: max(0, length - text.count)) + text
    }
}

/// A cluster without threads: the engine on a test store and a clock that moves when told.
final class Cluster {
    let store = TestStore()
    let engine: ReconcileEngine
    let inbox: Inbox
    private(set) var now = start
    private(set) var requests: [ImageRequest] = []
    private final class Requests: Sendable { let list = Mutex<[ImageRequest]>([]) }
    private let asked = Requests()

    init(_ change: (inout ControlPlaneOptions) -> Void = { _ in }) {
        var options = ControlPlaneOptions()
        change(&options)
        inbox = Inbox(limit: options.inboxLimit)
        let asked = asked
        engine = ReconcileEngine(store: store, ids: CountingIDs(), inbox: inbox, options: options) { request in
            asked.list.withLock { $0.append(request) }
        }
    }

    /// Steps until nothing is due now; answers image requests. Returns how many steps it took.
    @discardableResult func settle(
        answer: (String) -> ImageResolution? = { ImageResolution(reference: $0, digest: nil) }
    )
        -> Int
    {
        for count in 1...10_000 {
            let next = engine.step(now: now)
            let asked = asked.list.withLock { list in
                defer { list = [] }
                return list
            }
            requests += asked
            var isAnswered = false
            for request in asked {
                guard let resolution = answer(request.reference) else { continue }
                inbox.deliver(resolution, to: request)
                isAnswered = true
            }
            guard let next else { return count }
            if next > now, !isAnswered { return count }
        }
        return -1
    }

    /// Moves the clock, stopping wherever the engine wants to act.
    func advance(_ span: TimeSpan) {
        let end = now + span
        while let next = engine.step(now: now) {
            if next > end { break }
            now = max(now, next)
            settle()
        }
        now = end
        settle()
    }

    /// Sets the clock back.
    func setClock(back span: TimeSpan) {
        now = now + span * -1
        settle()
    }

    /// What the agent does: pods with a node become ready, those that are to stop go.
    func runAgent() throws {
        for pod in try store.all(Pod.self) where pod.spec.nodeName != nil {
            if pod.metadata.deletionTimestamp != nil {
                try store.delete(pod.key)
            } else if pod.status?.phase != "Failed", pod.status?.conditions["Ready"] == nil {
                let now = now
                try store.edit(pod.key) { (pod: inout Pod) in
                    pod.status?.phase = "Running"
                    pod.status?.conditions.set(
                        Condition("Ready", true, reason: "Ready", message: ""), now: now)
                }
            }
        }
    }

    func converge() throws {
        for _ in 0..<50 {
            settle()
            let before = store.revision
            try runAgent()
            if store.revision == before { return }
        }
    }

    func app() throws -> App? { try store.get(appKey)?.decoded() }
    func pods() throws -> [Pod] { try store.all() }
}

func makeApp(_ replicas: Int = 2, image: String = "rootfs:/v1") -> App {
    App {
        $0.metadata.name = "web"
        $0.metadata.namespace = "default"
        $0.metadata.uid = "app-uid"
        $0.metadata.generation = 1
        $0.spec.image = image
        $0.spec.replicas = replicas
    }
}

func makeNode(_ name: String = "one", cpu: Int64 = 4000) -> Node {
    Node {
        $0.metadata.name = name
        $0.metadata.uid = "node-\(name)"
        $0.status = NodeStatus {
            $0.allocatable = ["cpu": .millicores(cpu), "memory": .bytes(8 << 30), "pods": .count(110)]
            $0.conditions = [Condition("Ready", true, reason: "AgentReady", message: "")]
        }
    }
}
