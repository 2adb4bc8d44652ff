import Controllers
import Model
import Synchronization

@testable import Controllers

let start = Timestamp(seconds: 1_800_000_000)

/// Ids that count, so that equal inputs give equal outputs.
final class CountingIDs: IDSource {
    private let next = Atomic(0)
    func uid() -> String { "uid-\(next.add(1, ordering: .relaxed).newValue)" }
    func suffix(_ length: Int) -> String {
        let text = String(next.add(1, ordering: .relaxed).newValue)
        return String(repeating: "b", count: max(0, length - text.count)) + text
    }
}

func makeApp(_ replicas: Int = 3, image: String = "rootfs:/v1", _ change: (inout App) -> Void = { _ in }) -> App {
    var app = App {
        $0.metadata.name = "web"
        $0.metadata.namespace = "shop"
        $0.metadata.uid = "app-uid"
        $0.metadata.generation = 1
        $0.metadata.finalizers = [WellKnown.appFinalizer]
        $0.spec.image = image
        $0.spec.replicas = replicas
    }
    change(&app)
    return app
}

let shop = Namespace {
    $0.metadata.name = "shop"
    $0.metadata.uid = "shop-uid"
}

extension App {
    mutating func rollout(surge: IntOrPercent, unavailable: IntOrPercent, minReady: TimeSpan = .zero) {
        spec.rollout = RolloutSpec {
            $0.maxSurge = surge
            $0.maxUnavailable = unavailable
            $0.minReady = minReady
        }
    }
}

extension PodStatus {
    static func ready(since: Timestamp) -> PodStatus {
        PodStatus {
            $0.phase = "Running"
            $0.conditions = [
                Condition {
                    $0.type = "Ready"
                    $0.status = "True"
                    $0.lastTransitionTime = since
                }
            ]
        }
    }
}

/// A world with one App: applies what is decided at once, and can be told how pods fare.
struct World {
    var app: App
    var revisions: [Revision] = []
    var pods: [Pod] = []
    var secrets: [Secret] = []
    var configMaps: [ConfigMap] = []
    var namespace: Namespace? = shop
    var resolutions: [ImageResolution] = []
    var nodes: Set<String> = ["one"]
    var now = start
    var ids = CountingIDs()
    var appIsGone = false
    /// Called after every single decision has been applied.
    var afterCommit: (World) -> Void = { _ in }

    init(_ app: App) { self.app = app }

    var snapshot: AppSnapshot {
        AppSnapshot(
            app: app, revisions: revisions, pods: pods, configMaps: configMaps, secrets: secrets,
            namespace: namespace, nodeNames: nodes, resolutions: resolutions)
    }
    var status: AppStatus { app.status ?? AppStatus() }
    var live: [Pod] { pods.filter { !$0.isTerminating && !$0.isFinished } }
    func condition(_ type: String) -> Condition? { status.conditions[type] }
    func pods(of revision: String?) -> [Pod] { live.filter { $0.metadata.controller?.name == revision } }
    var available: [Pod] {
        live.filter { pod in
            ObservedPod(
                pod, current: nil, stable: nil, minReady: app.spec.rollout?.minReady ?? .zero, now: now
            ).isAvailable
        }
    }

    /// Decides once and applies; returns what was decided.
    @discardableResult mutating func step() -> [Action] {
        let actions = AppController.decide(snapshot, now: now, ids: ids)
        for action in actions { apply(action) }
        resolutions = []
        afterCommit(self)
        return actions
    }

    /// Decides until nothing but waiting is left to do; nil when that does not come about.
    @discardableResult mutating func settle(limit: Int = 50) -> Int? {
        for count in 0..<limit {
            let actions = step()
            if actions.allSatisfy({ if case .wakeAt = $0 { true } else { false } }) { return count }
        }
        return nil
    }

    /// Settles, makes every pod ready, and so on until nothing changes.
    mutating func converge() {
        for _ in 0..<100 {
            settle()
            let waiting = pods.indices.filter { pods[$0].status?.phase == "Pending" && !pods[$0].isTerminating }
            let stopping = pods.contains(where: \.isTerminating)
            if waiting.isEmpty, !stopping { return }
            for index in waiting { makeReady(index) }
            pods.removeAll(where: \.isTerminating)
        }
    }

    mutating func makeReady(_ index: Int) {
        pods[index].spec.nodeName = "one"
        pods[index].status = .ready(since: now)
    }

    mutating func change(_ change: (inout App) -> Void) {
        change(&app)
        app.metadata.generation = (app.metadata.generation ?? 0) + 1
    }

    private mutating func apply(_ action: Action) {
        switch action {
        case .createRevision(let revision): revisions.append(revision)
        case .createPod(let pod): pods.append(pod)
        case .renumberRevision(let key, let number): edit(&revisions, key) { $0.spec.revision = number }
        case .setRevisionStatus(let key, let status): edit(&revisions, key) { $0.status = status }
        case .setAppStatus(_, let status): app.status = status
        case .setFinalizers(_, let names):
            app.metadata.finalizers = names
            appIsGone = names.isEmpty && app.metadata.deletionTimestamp != nil
        case .requestDeletion(let key, let time, let grace):
            edit(&pods, key) {
                $0.metadata.deletionTimestamp = time
                $0.metadata.deletionGracePeriodSeconds = grace
            }
        case .remove(let key):
            pods.removeAll { $0.key == key }
            revisions.removeAll { $0.key == key }
        case .createNamespace, .setNamespacePhase, .setPodCondition, .bind, .event, .resolveImage, .wakeAt: break
        }
    }

    private func edit<Value: Resource>(_ list: inout [Value], _ key: ObjectKey, _ change: (inout Value) -> Void) {
        for index in list.indices where list[index].key == key { change(&list[index]) }
    }
}

extension [Action] {
    var createdPods: [Pod] { compactMap { if case .createPod(let pod) = $0 { pod } else { nil } } }
    var reasons: [String] { compactMap { if case .event(let note) = $0 { note.reason } else { nil } } }
    var wakes: [Timestamp] { compactMap { if case .wakeAt(let time, _) = $0 { time } else { nil } } }
    var lookups: [String] { compactMap { if case .resolveImage(_, let reference) = $0 { reference } else { nil } } }
    var removals: [String] { compactMap { if case .remove(let key) = $0 { key.name } else { nil } } }
}
