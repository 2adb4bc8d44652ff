import Model
import Wire

extension MetricsText {
    /// Adds how many pods Apps should have and have.
    mutating func addApps(_ apps: [JSONValue]) {
        let figures: [(name: String, help: String, value: (JSONValue) -> Int)] = [
            (
                "desired", "Pods that the App should have.",
                { Int($0["spec"]?["replicas"]?.integer ?? Int64(status($0, "replicas"))) }
            ),
            ("current", "Pods that the App has and that are not stopping.", { status($0, "replicas") }),
            ("updated", "Pods of the App's newest revision.", { status($0, "updatedReplicas") }),
            ("ready", "Pods of the App that are ready.", { status($0, "readyReplicas") }),
            (
                "available", "Pods of the App that have been ready for rollout.minReady.",
                { status($0, "availableReplicas") }
            ),
        ]
        for (name, help, value) in figures {
            begin("martlet_app_replicas_\(name)", .gauge, help)
            for app in apps { add(value(app), Self.labels(of: app, "app")) }
        }
    }

    /// Adds pods by phase, and how often containers were restarted.
    mutating func addPods(_ pods: [JSONValue]) {
        var counts: [MetricLabels: Int] = [:]
        for pod in pods {
            let metadata = pod["metadata"]
            let labels = MetricLabels([
                "namespace": metadata?["namespace"]?.string ?? "",
                "app": metadata?["labels"]?[WellKnown.appLabel]?.string ?? "",
            ])
            for phase in ["Pending", "Running", "Succeeded", "Failed"] {
                let isIn = (pod["status"]?["phase"]?.string ?? "Pending") == phase
                counts[labels.adding("phase", phase), default: 0] += isIn ? 1 : 0
            }
        }
        begin("martlet_pods", .gauge, "Pods by phase.")
        for (labels, count) in counts.sorted(by: { $0.key < $1.key }) { add(count, labels) }
        begin("martlet_container_restarts_total", .counter, "How often a container was started again.")
        for pod in pods {
            let statuses = ["initContainerStatuses", "containerStatuses"].flatMap { pod["status"]?[$0]?.array ?? [] }
            for container in statuses {
                let labels = Self.labels(of: pod, "pod").adding("container", container["name"]?.string ?? "")
                add(Int(container["restartCount"]?.integer ?? 0), labels)
            }
        }
    }

    /// Adds what machines and containers use.
    mutating func addUsage(_ nodes: [(node: String, usage: NodeUsage)], pods: [JSONValue]) {
        begin(
            "martlet_node_cpu_seconds_total", .counter,
            "Processor time of a node's machine since its start, in seconds.")
        for (node, usage) in nodes { add(Double(usage.node.cpuNanoseconds) / 1e9, MetricLabels(["node": node])) }
        begin("martlet_node_memory_bytes", .gauge, "Memory of a node's machine that is in use.")
        for (node, usage) in nodes { add(Int(clamping: usage.node.memoryBytes), MetricLabels(["node": node])) }
        let containers = nodes.flatMap { node, usage in
            pods.flatMap { pod in
                (usage.pods[pod["metadata"]?["uid"]?.string ?? ""] ?? [:]).sorted { $0.key < $1.key }.map {
                    name, amount in
                    (Self.labels(of: pod, "pod").adding("container", name).adding("node", node), amount)
                }
            }
        }
        begin(
            "martlet_container_cpu_seconds_total", .counter,
            "Processor time of a container, over its restarts, in seconds.")
        for (labels, amount) in containers { add(Double(amount.cpuNanoseconds) / 1e9, labels) }
        begin("martlet_container_memory_bytes", .gauge, "Memory of a container that cannot be dropped.")
        for (labels, amount) in containers { add(Int(clamping: amount.memoryBytes), labels) }
    }

    private static func labels(of object: JSONValue, _ name: String) -> MetricLabels {
        let metadata = object["metadata"]
        return MetricLabels(["namespace": metadata?["namespace"]?.string ?? "", name: metadata?["name"]?.string ?? ""])
            .adding("app", name == "pod" ? metadata?["labels"]?[WellKnown.appLabel]?.string ?? "" : "")
    }
}

/// A number of an App's status.
private func status(_ app: JSONValue, _ name: String) -> Int { Int(app["status"]?[name]?.integer ?? 0) }
