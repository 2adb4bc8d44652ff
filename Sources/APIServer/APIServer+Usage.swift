import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `GET` of what nodes or pods use (`metrics.k8s.io/v1beta1`). What is not known yet is left out of lists, and not found by
    /// name: so clients tell it from what uses nothing.
    func serveUsage(_ route: Route.Usage, _ exchange: Exchange) throws(APIStatus) {
        let selection = try Selection(exchange.request, type: route.type)
        let path = ResourcePath(type: route.type, namespace: route.namespace, name: route.name)
        let objects = store.list(selection.scope(path)).objects.map(\.document).filter { selection.matches($0) }
        let isOfNodes = route.type == .node
        let items = isOfNodes ? objects.compactMap(nodeMetrics) : podMetrics(objects)
        let apiVersion = "\(Discovery.metricsGroup)/\(Discovery.metricsVersion)"
        guard let name = route.name else {
            exchange.reply([
                "kind": isOfNodes ? "NodeMetricsList" : "PodMetricsList", "apiVersion": .string(apiVersion),
                "metadata": [:], "items": .array(items),
            ])
            return
        }
        guard var item = items.first else { throw .notFound(route.type, name) }
        item["kind"] = isOfNodes ? "NodeMetrics" : "PodMetrics"
        item["apiVersion"] = .string(apiVersion)
        exchange.reply(item)
    }

    private func nodeMetrics(_ node: JSONValue) -> JSONValue? {
        let name = node["metadata"]?["name"]?.string ?? ""
        guard let usage = nodeBridge(name)?.usage() else { return nil }
        var item = Self.header(of: node, usage)
        item["usage"] = Self.amount(usage.node)
        return item
    }

    private func podMetrics(_ pods: [JSONValue]) -> [JSONValue] {
        var usages: [String: NodeUsage?] = [:]
        return pods.compactMap { pod in
            let node = pod["spec"]?["nodeName"]?.string ?? ""
            let usage = usages[node] ?? nodeBridge(node)?.usage()
            usages[node] = .some(usage)
            guard let usage, let containers = usage.pods[pod["metadata"]?["uid"]?.string ?? ""] else { return nil }
            var item = Self.header(of: pod, usage)
            item["containers"] = .array(
                containers.sorted { $0.key < $1.key }.map { ["name": .string($0.key), "usage": Self.amount($0.value)] })
            return item
        }
    }

    private static func header(of object: JSONValue, _ usage: NodeUsage) -> JSONValue {
        var metadata: JSONValue = ["creationTimestamp": .string(Timestamp(seconds: usage.time.seconds).description)]
        for name in ["name", "namespace", "labels"] {
            if let value = object["metadata"]?[name] { metadata[name] = value }
        }
        return [
            "metadata": metadata, "timestamp": .string(Timestamp(seconds: usage.time.seconds).description),
            "window": .string(TimeSpan.milliseconds(usage.window.wholeMilliseconds).description),
        ]
    }

    /// Kubernetes' quantities: `n` are billionths, `Ki` kibibytes.
    private static func amount(_ amount: NodeUsage.Amount) -> JSONValue {
        ["cpu": .string("\(amount.cpuNanocores)n"), "memory": .string("\(amount.memoryBytes >> 10)Ki")]
    }
}
