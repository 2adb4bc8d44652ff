import Agent
import ContainerRuntime
import Model
import Threads

/// A runtime without a kernel: containers run until they are signalled. It notes its calls and fails as it is told.
final class FakeRuntime: PodRuntime {
    private struct Content {
        var sandboxes: [String: SandboxObservation] = [:]
        var failures: [String: RuntimeError] = [:]
        var configs: [ContainerConfig] = []
        var handler: (@Sendable (String) -> Void)?
    }
    private let content = Monitor(Content())
    let journal: Journal<String>

    init(_ journal: Journal<String> = Journal()) { self.journal = journal }

    /// Has calls of a name fail.
    func fail(_ call: String, _ error: RuntimeError?) { content.change { $0.failures[call] = error } }

    /// The configurations of the containers that were started.
    var configs: [ContainerConfig] { content.change { $0.configs } }

    private func note(_ call: String, _ detail: String = "") throws(RuntimeError) {
        journal.note(detail.isEmpty ? call : "\(call) \(detail)")
        if let failure = content.change({ $0.failures[call] }) { throw failure }
    }

    func createSandbox(_ config: SandboxConfig) throws(RuntimeError) -> SandboxInfo {
        try note("createSandbox", config.hostname)
        let uid = config.podUID
        let info = SandboxInfo(podUID: uid, supervisorPID: 7, networkNamespacePath: "/proc/7/ns/net")
        content.change {
            if $0.sandboxes[uid] == nil {
                $0.sandboxes[uid] = SandboxObservation(podUID: uid, info: info, containers: [])
            }
        }
        return info
    }

    func startContainer(podUID: String, _ config: ContainerConfig) throws(RuntimeError) -> ContainerObservation {
        try note("startContainer", "\(config.name) \(config.attempt)")
        let container = ContainerObservation(
            name: config.name, attempt: config.attempt, phase: .running(pid: 9), startedAt: 1)
        content.change {
            $0.configs.append(config)
            $0.sandboxes[podUID]?.containers.append(container)
        }
        return container
    }

    func signalContainer(podUID: String, name: String, attempt: Int, signal: Int32) throws(RuntimeError) {
        try note("signalContainer", "\(name) \(attempt) \(signal)")
        let handler = content.change { content in
            let index = content.sandboxes[podUID]?.containers.firstIndex { $0.name == name && $0.attempt == attempt }
            if let index {
                content.sandboxes[podUID]?.containers[index].phase = .exited(
                    exitCode: 128 + Int(signal), signal: Int(signal), outOfMemory: false)
            }
            return content.handler
        }
        handler?(podUID)
    }

    func removeContainer(podUID: String, name: String, attempt: Int) throws(RuntimeError) {
        try note("removeContainer", "\(name) \(attempt)")
        content.change { $0.sandboxes[podUID]?.containers.removeAll { $0.name == name && $0.attempt == attempt } }
    }

    func removeSandbox(podUID: String) throws(RuntimeError) {
        try note("removeSandbox", podUID)
        content.change { $0.sandboxes[podUID] = nil }
    }

    func observe() throws(RuntimeError) -> [SandboxObservation] {
        content.change { $0.sandboxes.sorted { $0.key < $1.key }.map(\.value) }
    }

    func observe(podUID: String) throws(RuntimeError) -> SandboxObservation? {
        let (failure, sandbox) = content.change { ($0.failures["observe"], $0.sandboxes[podUID]) }
        if let failure { throw failure }
        return sandbox
    }

    func exec(podUID: String, name: String, attempt: Int, _ config: ExecConfig) throws(RuntimeError) -> ExecSession {
        throw RuntimeError(.notFound, "nothing is executed here")
    }

    func execResult(_ session: ExecSession) throws(RuntimeError) -> Int { 0 }

    func resize(_ session: ExecSession, rows: UInt16, columns: UInt16) throws(RuntimeError) {}

    func usage(podUID: String, name: String, attempt: Int) throws(RuntimeError) -> ContainerUsage {
        ContainerUsage(cpuNanoseconds: 0, memoryBytes: 0, pids: 0)
    }

    func setExitHandler(_ handler: @escaping @Sendable (String) -> Void) {
        content.change { $0.handler = handler }
    }
}

/// An image store that holds whatever is asked for, unless told to fail.
final class FakeImages: ImageStore {
    private let failure = Monitor<RuntimeError?>(nil)
    let journal: Journal<String>

    init(_ journal: Journal<String> = Journal()) { self.journal = journal }

    func fail(_ error: RuntimeError?) { failure.change { $0 = error } }

    func resolve(_ reference: String) throws(RuntimeError) -> ImageID {
        journal.note("resolve \(reference)")
        if let failure = failure.change({ $0 }) { throw failure }
        return ImageID(reference)
    }

    func unpacked(_ id: ImageID) throws(RuntimeError) -> UnpackedImage {
        journal.note("unpack \(id)")
        return UnpackedImage(id: id, layerDirectories: [], configuration: ImageConfiguration())
    }

    func list() throws(RuntimeError) -> [ImageRecord] { [] }
    func remove(_ reference: String) throws(RuntimeError) {}
    func collectGarbage(inUse: Set<ImageID>) throws(RuntimeError) -> Int64 { 0 }
}

/// A network that gives every pod the same address, unless told to fail.
final class FakeNetwork: PodNetworking {
    func repair() throws -> Bool { false }

    struct Failure: Error, CustomStringConvertible { let description: String }

    private let failure = Monitor<Failure?>(nil)
    let journal: Journal<String>

    init(_ journal: Journal<String> = Journal()) { self.journal = journal }

    func fail(_ message: String?) { failure.change { $0 = message.map(Failure.init) } }

    private func note(_ call: String) throws {
        journal.note(call)
        if let failure = failure.change({ $0 }) { throw failure }
    }

    func attach(podUID: String, networkNamespacePath: String, ports: [ContainerPort]) throws -> String {
        try note("attach \(podUID) \(networkNamespacePath)")
        return "10.0.0.2"
    }

    func detach(podUID: String) throws { try note("detach \(podUID)") }
    func sweep(livePodUIDs: Set<String>) throws { try note("sweep \(livePodUIDs.sorted().joined(separator: " "))") }
    let hostAddress = "192.0.2.1"
}

/// An API that the test plays: it feeds the watch and reads what was sent.
final class FakeConnection: AgentConnection {
    /// What the watch meets next.
    enum Feed: Sendable {
        case change(PodChange)
        case failure(ConnectionError)
    }
    private struct Content {
        var failures: [String: [ConnectionError]] = [:]
        var data: [String: [String: [UInt8]]] = [:]
    }
    private let content = Monitor(Content())
    let feed = Mailbox<Feed>()
    let journal: Journal<String>
    let statuses = Journal<(uid: String, status: PodStatus)>()
    let events = Journal<PodEvent>()

    init(_ journal: Journal<String> = Journal()) { self.journal = journal }

    /// Has the next calls of a name fail, one after the other.
    func fail(_ call: String, _ errors: ConnectionError...) { content.change { $0.failures[call] = errors } }

    /// Has a Secret (`secret/NAME`) or ConfigMap (`configMap/NAME`).
    func hold(_ object: String, _ data: [String: [UInt8]]) { content.change { $0.data[object] = data } }

    private func note(_ call: String, _ detail: String) throws(ConnectionError) {
        journal.note("\(call) \(detail)")
        let failure = content.change { content -> ConnectionError? in
            guard content.failures[call]?.isEmpty == false else { return nil }
            return content.failures[call]?.removeFirst()
        }
        if let failure { throw failure }
    }

    func watchPods(node: String, _ handler: (PodChange) -> Bool) throws(ConnectionError) {
        journal.note("watchPods \(node)")
        while let next = feed.receive() {
            switch next {
            case .change(let change): if !handler(change) { return }
            case .failure(let error): throw error
            }
        }
    }

    func watchPods(_ handler: (PodChange) -> Bool) throws(ConnectionError) { try note("watchPods", "*") }

    func watchApps(_ handler: (AppChange) -> Bool) throws(ConnectionError) { try note("watchApps", "*") }

    func update(_ status: PodStatus, of pod: Pod) throws(ConnectionError) {
        try note("update", pod.uid)
        statuses.note((pod.uid, status))
    }

    func release(_ pod: Pod) throws(ConnectionError) { try note("release", pod.uid) }

    func secret(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]] {
        try object("secret", namespace, name)
    }

    func configMap(namespace: String, name: String) throws(ConnectionError) -> [String: [UInt8]] {
        try object("configMap", namespace, name)
    }

    private func object(
        _ kind: String, _ namespace: String, _ name: String
    ) throws(ConnectionError) -> [String: [UInt8]] {
        try note(kind, "\(namespace)/\(name)")
        guard let data = content.change({ $0.data["\(kind)/\(name)"] }) else {
            throw .notFound("\(kind) \(name) not found")
        }
        return data
    }

    func register(_ node: Node) throws(ConnectionError) { try note("register", node.name) }

    func record(_ event: PodEvent, of pod: Pod, node: String) throws(ConnectionError) {
        try note("record", event.reason)
        events.note(event)
    }
}
