import ContainerRuntime
import Controllers
import Model
import Store

/// 4: whether what is observed is what is desired - in the store, and on the machines.
struct Convergence {
    private let world: World
    private let history: History
    private var reasons: [String] = []

    /// What is not as it should be; nothing for a cluster that has come to rest.
    static func reasons(_ world: World) -> [String] {
        var convergence = Convergence(world)
        convergence.run()
        return convergence.reasons
    }

    private init(_ world: World) {
        self.world = world
        history = world.history
    }

    private mutating func run() {
        if world.server.process == nil { reasons.append("the server is down") }
        for machine in world.machines where machine.agent == nil {
            reasons.append("the agent of \(machine.name) is down")
        }
        for object in history.sorted where object.document["metadata"]?["deletionTimestamp"] != nil {
            reasons.append("\(object.key) is still being deleted")
        }
        let nodes = history.objects(of: .node)
        if nodes.count < world.machines.count {
            reasons.append("\(nodes.count) of \(world.machines.count) nodes are registered")
        }
        for app in history.objects(of: .app) where app.document["metadata"]?["deletionTimestamp"] == nil { check(app) }
        for pod in history.objects(of: .pod) { check(pod: pod) }
    }

    /// The App's pods are those of its present revision, as many as are wanted, and its status says so.
    private mutating func check(_ object: StoredObject) {
        guard let app = try? object.decoded(App.self) else { return reasons.append("\(object.key) cannot be read") }
        let revisions = history.objects(of: .revision).filter { $0.controllerUID == object.uid }
        let pods = history.objects(of: .pod).filter { pod in revisions.contains { $0.uid == pod.controllerUID } }
        let desired = app.spec.replicas ?? 1
        if app.status?.observedGeneration != app.metadata.generation {
            reasons.append("\(object.key): the spec was not seen")
        }
        if pods.count != desired { reasons.append("\(object.key): \(pods.count) pods, and \(desired) wanted") }
        let current = revisions.first { $0.key.name == app.status?.currentRevision }
        if desired > 0, current == nil { reasons.append("\(object.key) has no revision") }
        if pods.contains(where: { $0.controllerUID != current?.uid }) {
            reasons.append("\(object.key): pods of old revisions")
        }
        let image = current?.document["spec"]?["template"]?["spec"]?["containers"]?.array?.first?["image"]?.string ?? ""
        if let current, !image.hasPrefix(app.spec.image) { reasons.append("\(current.key) has the image \(image)") }
        if app.status?.readyReplicas ?? 0 != desired {
            reasons.append("\(object.key): \(app.status?.readyReplicas ?? 0) ready")
        }
        if desired > 0, app.status?.stableRevision != app.status?.currentRevision {
            reasons.append("\(object.key) is not stable")
        }
    }

    /// The pod runs on its node, ready.
    private mutating func check(pod: StoredObject) {
        let status = pod.document["status"]
        guard let name = pod.document["spec"]?["nodeName"]?.string,
            let machine = world.machines.first(where: { $0.name == name })
        else {
            return reasons.append(
                "\(pod.key) has no node: \(status?["conditions"]?.array?.first?["message"]?.string ?? "")")
        }
        let ready = (status?["conditions"]?.array ?? []).first { $0["type"] == "Ready" }
        if ready?["status"] != "True" { reasons.append("\(pod.key) is not ready: \(ready?["message"]?.string ?? "")") }
        guard let possessions = machine.kernel.pods[pod.uid] else {
            return reasons.append("\(pod.key) is not on \(name)")
        }
        if possessions.supervisor == nil { reasons.append("\(pod.key) has no supervisor") }
        for container in pod.document["spec"]?["containers"]?.array ?? [] {
            let running = possessions.processes.filter {
                $0.isRunning && $0.observation.name == container["name"]?.string
                    && $0.image == container["image"]?.string
            }
            if running.count != 1 {
                reasons.append("\(pod.key): \(running.count) runs of \(container["name"]?.string ?? "")")
            }
        }
        let address = status?["podIP"]?.string
        if address != possessions.address {
            reasons.append("\(pod.key) says \(address ?? "-"), has \(possessions.address ?? "-")")
        }
    }
}
