import Client
import Model
import Wire

/// `martlet top`: shows what nodes and pods use.
enum TopCommand {
    static let command = Command(
        path: ["top"], summary: "Show what nodes and pods use",
        usage: "pods|nodes [NAME] [--containers] [--sort-by cpu|memory]",
        discussion: """
            Processors are counted in thousandths (250m is a quarter of one), on average over the last seconds. Memory is what cannot
            be dropped: without cached files that are not in use.
            """,
        options: [
            .allNamespaces, .selector, .init("containers", .flag, "A row for each container of a pod"),
            .init("sort-by", .value("cpu|memory"), "The most of this first; by name unless given"),
            .init("sum", .flag, "Add a row with the sum of all pods"),
            .init("no-headers", .flag, "Leave out the headers"),
        ],
        examples: ["martlet top pods", "martlet top pods -A --sort-by memory", "martlet top nodes"],
        run: { try TopRun($0).run() })
}

private struct TopRun {
    /// One line, before it is text.
    struct Row {
        var names: [String]
        var milliCPU: Int64
        var bytes: Int64
    }

    let call: Invocation
    let api: ClusterAPI
    let type: ResourceType
    let name: String?
    let namespace: String?

    init(_ call: Invocation) throws {
        self.call = call
        let words = call.arguments
        let known = ["pod": ResourceType.pod, "pods": .pod, "po": .pod, "node": .node, "nodes": .node, "no": .node]
        guard let word = words.first, let type = known[word.lowercased()], words.count <= 2 else {
            throw UsageError(message: "expected pods or nodes, and at most one name", path: ["top"])
        }
        if let order = call.value("sort-by"), !["cpu", "memory"].contains(order) {
            throw UsageError(message: "--sort-by takes cpu or memory, not \"\(order)\"", path: ["top"])
        }
        self.type = type
        name = words.count > 1 ? words[1] : nil
        api = try call.connect()
        namespace = call.flag("all-namespaces") || !type.isNamespaced ? nil : api.namespace
        if name != nil, call.flag("all-namespaces"), type.isNamespaced {
            throw UsageError(message: "a pod cannot be named across all namespaces; leave out -A or the name")
        }
    }

    func run() throws -> Int32 {
        let items = try metrics()
        guard !items.isEmpty else {
            let place = namespace.map { " in namespace \($0)" } ?? ""
            call.context.note("nothing is known yet of \(type.plural)\(place): what runs is measured every few seconds")
            return 0
        }
        let table = type == .node ? try nodeTable(items) : podTable(items)
        call.context.output(table.text(withHeaders: !call.flag("no-headers")))
        return 0
    }

    private func metrics() throws -> [JSONValue] {
        var path = "/apis/\(Discovery.metricsGroup)/\(Discovery.metricsVersion)/"
        if let namespace { path += "namespaces/\(namespace)/" }
        path += type.plural
        if let name { return [try api.request("GET", "\(path)/\(escaped(name))").document] }
        let parameters = query([("labelSelector", call.value("selector"))])
        return try api.request("GET", path + parameters).document["items"]?.array ?? []
    }

    // MARK: - Pods

    private func podTable(_ pods: [JSONValue]) -> TextTable {
        let isSplit = call.flag("containers")
        var rows = pods.flatMap { pod -> [Row] in
            let names = (namespace == nil ? ["namespace"] : []) + ["name"]
            let own = names.map { pod["metadata"]?[$0]?.string ?? "" }
            let containers = (pod["containers"]?.array ?? []).map { row($0, own + [$0["name"]?.string ?? ""]) }
            return isSplit ? containers : [sum(containers, own)]
        }
        sort(&rows)
        if call.flag("sum") {
            let blank = [String](repeating: "", count: max(0, (rows.first?.names.count ?? 1) - 1))
            rows.append(sum(rows, ["total"] + blank))
        }
        let headers =
            (namespace == nil ? ["NAMESPACE"] : []) + (isSplit ? ["POD", "NAME"] : ["NAME"])
            + ["CPU(cores)", "MEMORY(bytes)"]
        return TextTable(
            headers: headers, rows: rows.map { $0.names + ["\($0.milliCPU)m", "\($0.bytes >> 20)Mi"] })
    }

    private func row(_ item: JSONValue, _ names: [String]) -> Row {
        func amount(_ name: String) -> Quantity? { item["usage"]?[name]?.string.flatMap { Quantity($0) } }
        return Row(names: names, milliCPU: amount("cpu")?.thousandths ?? 0, bytes: amount("memory")?.whole ?? 0)
    }

    private func sum(_ rows: [Row], _ names: [String]) -> Row {
        Row(names: names, milliCPU: rows.map(\.milliCPU).reduce(0, +), bytes: rows.map(\.bytes).reduce(0, +))
    }

    private func sort(_ rows: inout [Row]) {
        rows.sort { left, right in
            switch call.value("sort-by") {
            case "cpu" where left.milliCPU != right.milliCPU: left.milliCPU > right.milliCPU
            case "memory" where left.bytes != right.bytes: left.bytes > right.bytes
            default: left.names.lexicographicallyPrecedes(right.names)
            }
        }
    }

    // MARK: - Nodes

    private func nodeTable(_ nodes: [JSONValue]) throws -> TextTable {
        let known = try api.list(Node.self, namespace: nil, fields: nil)
        var rows = nodes.map { row($0, [$0["metadata"]?["name"]?.string ?? ""]) }
        sort(&rows)
        return TextTable(
            headers: ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"],
            rows: rows.map { row in
                let room = known.first { $0.name == row.names[0] }?.status?.allocatable ?? [:]
                return row.names + [
                    "\(row.milliCPU)m", share(row.milliCPU, of: room["cpu"]?.thousandths),
                    "\(row.bytes >> 20)Mi", share(row.bytes, of: room["memory"]?.whole),
                ]
            })
    }

    private func share(_ amount: Int64, of whole: Int64?) -> String {
        guard let whole, whole > 0 else { return "<unknown>" }
        return "\(Int((Double(amount) / Double(whole) * 100).rounded()))%"
    }
}
