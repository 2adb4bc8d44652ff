import Model
import Wire

/// What is known of the traffic and the pods of all Apps, from which each App's metrics are made.
struct AppMetricsSource {
    /// An App, or a revision of one.
    private struct Owner: Hashable {
        var namespace: String
        var app: String
    }
    private var traffic: [Owner: [(key: TrafficKey, summary: TrafficSummary)]] = [:]
    private var pods: [Owner: [JSONValue]] = [:]
    private var usage: [String: NodeUsage.Amount] = [:]
    private let seconds: Int
    private let now: Timestamp

    /// Brings together what nodes and the store say.
    ///
    /// - Parameters:
    ///   - seconds: the window.
    ///   - traffic: what each node carried in the window; that of several nodes adds up.
    ///   - usage: what each node's pods use.
    ///   - pods: all pods.
    init(
        seconds: Int, now: Timestamp, traffic nodes: [[TrafficKey: TrafficSummary]], usage: [NodeUsage],
        pods: [JSONValue]
    ) {
        self.seconds = seconds
        self.now = now
        var sums: [TrafficKey: TrafficSummary] = [:]
        for node in nodes { sums.merge(node) { $0.merging($1) } }
        for (key, summary) in sums.sorted(by: { $0.key < $1.key }) {
            traffic[Owner(namespace: key.namespace, app: key.app), default: []].append((key, summary))
        }
        for node in usage {
            for (uid, containers) in node.pods { self.usage[uid] = containers.values.reduce(.zero, +) }
        }
        for pod in pods {
            let metadata = pod["metadata"]
            guard let app = metadata?["labels"]?[WellKnown.appLabel]?.string else { continue }
            let owner = Owner(namespace: metadata?["namespace"]?.string ?? "", app: app)
            self.pods[owner, default: []].append(pod)
        }
    }

    /// The metrics of an App.
    func metrics(of app: JSONValue) -> AppMetrics {
        let metadata = app["metadata"]
        let owner = Owner(namespace: metadata?["namespace"]?.string ?? "", app: metadata?["name"]?.string ?? "")
        let traffic = traffic[owner] ?? []
        let pods = pods[owner] ?? []
        return AppMetrics { metrics in
            metrics.metadata.name = owner.app
            metrics.metadata.namespace = owner.namespace
            metrics.metadata.labels = metadata?["labels"].flatMap { try? [String: String](json: $0) } ?? [:]
            metrics.timestamp = Timestamp(seconds: now.seconds).description
            metrics.window = TimeSpan.seconds(Int64(seconds)).description
            metrics.total = part(owner.app, traffic, pods)
            let revisions = Set(traffic.map(\.key.revision) + pods.map(Self.revision)).subtracting([""])
            metrics.revisions = revisions.sorted().map { name in
                part(name, traffic.filter { $0.key.revision == name }, pods.filter { Self.revision($0) == name })
            }
            metrics.pods = podParts(traffic, pods)
        }
    }

    /// The pods that are there, and those that had requests in the window and are gone.
    private func podParts(_ traffic: [(key: TrafficKey, summary: TrafficSummary)], _ pods: [JSONValue])
        -> [AppMetrics.Part]
    {
        let byUID = Dictionary(pods.map { ($0["metadata"]?["uid"]?.string ?? "", $0) }) { first, _ in first }
        let parts = Set(traffic.map(\.key.podUID)).union(byUID.keys).subtracting([""]).map { uid in
            let own = traffic.filter { $0.key.podUID == uid }
            let pod = byUID[uid]
            var part = part(
                pod?["metadata"]?["name"]?.string ?? own.first?.key.podName ?? uid, own, pod.map { [$0] } ?? [])
            part.revision = pod.map(Self.revision) ?? own.first?.key.revision
            return part
        }
        return parts.sorted { ($0.revision ?? "", $0.name) < ($1.revision ?? "", $1.name) }
    }

    private func part(
        _ name: String, _ traffic: [(key: TrafficKey, summary: TrafficSummary)], _ pods: [JSONValue]
    ) -> AppMetrics.Part {
        let active = pods.filter(Self.isActive)
        let used = pods.compactMap { usage[$0["metadata"]?["uid"]?.string ?? ""] }
        let sum = used.reduce(NodeUsage.Amount.zero, +)
        return AppMetrics.Part {
            $0.name = name
            $0.pods = active.count
            $0.readyPods = active.count(where: Self.isReady)
            $0.requests = RequestFigures(traffic.reduce(TrafficSummary()) { $0.merging($1.summary) }, seconds: seconds)
            guard !used.isEmpty else { return }
            $0.cpu = "\(sum.cpuNanocores)n"
            $0.memory = "\(sum.memoryBytes >> 10)Ki"
        }
    }

    private static func revision(_ pod: JSONValue) -> String {
        pod["metadata"]?["labels"]?[WellKnown.revisionLabel]?.string ?? ""
    }

    /// Whether a pod is neither stopping nor over.
    private static func isActive(_ pod: JSONValue) -> Bool {
        let isOver = ["Succeeded", "Failed"].contains(pod["status"]?["phase"]?.string ?? "")
        return pod["metadata"]?["deletionTimestamp"]?.string == nil && !isOver
    }

    private static func isReady(_ pod: JSONValue) -> Bool {
        (pod["status"]?["conditions"]?.array ?? []).contains {
            $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
        }
    }
}

extension NodeUsage.Amount {
    static let zero = NodeUsage.Amount(cpuNanocores: 0, memoryBytes: 0)

    static func + (left: NodeUsage.Amount, right: NodeUsage.Amount) -> NodeUsage.Amount {
        NodeUsage.Amount(
            cpuNanocores: left.cpuNanocores + right.cpuNanocores, memoryBytes: left.memoryBytes + right.memoryBytes)
    }
}

extension TrafficSummary {
    fileprivate func merging(_ other: TrafficSummary) -> TrafficSummary {
        var sum = self
        sum.merge(other)
        return sum
    }
}
