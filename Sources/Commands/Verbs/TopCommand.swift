import Client
import Model
import Wire

/// `martlet top`: shows what nodes and pods use, and what happens to Apps' requests.
enum TopCommand {
    static let command = Command(
        path: ["top"], summary: "Show what nodes, pods and Apps use, and what happens to requests",
        usage: "pods|nodes|apps [NAME] [--sort-by COLUMN] [--window 1m]",
        discussion: """
            Processors are counted in thousandths (250m is a quarter of one), on average over the last seconds. Memory is what cannot
            be dropped: without cached files that are not in use. REQ/S are the requests of the last ten seconds.

            Of Apps the requests of the last seconds are shown. ERRORS are answers of 500 to 599. RETRIES and CONN-ERRORS are what went
            wrong at a pod and may have gone well at another. P50, P95 and P99: half, 95 % and 99 % of the answers took at most so long.
            """,
        options: [
            .allNamespaces, .selector, .init("containers", .flag, "A row for each container of a pod"),
            .init("revisions", .flag, "A row for each revision of an App"),
            .init("pods", .flag, "A row for each pod of an App"),
            .init(
                "window", .value("DURATION"), "How far back the requests of Apps are looked at, up to 15m",
                default: "10s"),
            .init(
                "sort-by", .value("COLUMN"),
                "The most of it first: cpu or memory, of Apps also requests, errors, retries, in-flight, queue, p50, p95, p99"
            ),
            .init("sum", .flag, "Add a row with the sum of all pods"),
            .init("output", short: "o", .value("FORMAT"), "json, yaml, name or jsonpath={.a.b}"),
            .init("no-headers", .flag, "Leave out the headers"),
        ],
        examples: [
            "martlet top pods", "martlet top pods -A --sort-by memory", "martlet top nodes",
            "martlet top apps --sort-by requests", "martlet top app web --pods --window 5m",
        ],
        run: { try TopRun($0).run() })
}

private struct TopRun {
    /// One line, before it is text.
    struct Row {
        var names: [String]
        var milliCPU: Int64
        var bytes: Int64
        /// The pods whose use it is.
        var pods: [ObjectKey] = []
    }

    let call: Invocation
    let api: ClusterAPI
    let type: ResourceType
    let name: String?
    let namespace: String?
    let format: OutputFormat

    init(_ call: Invocation) throws {
        self.call = call
        let words = call.arguments
        let known = [
            "pod": ResourceType.pod, "pods": .pod, "po": .pod, "node": .node, "nodes": .node, "no": .node, "app": .app,
            "apps": .app,
        ]
        guard let word = words.first, let type = known[word.lowercased()], words.count <= 2 else {
            throw UsageError(message: "expected pods, nodes or apps, and at most one name", path: ["top"])
        }
        let orders = type == .app ? TopApps.orders.map(\.name) : ["cpu", "memory"]
        if let order = call.value("sort-by"), !orders.contains(order) {
            throw UsageError(
                message: "--sort-by takes \(orders.joined(separator: ", ")), not \"\(order)\"", path: ["top"])
        }
        let others = type == .app ? ["containers", "sum"] : ["revisions", "pods", "window"]
        if let other = others.first(where: { call.value($0) != nil }) {
            throw UsageError(message: "--\(other) does not go with \(type.plural)", path: ["top"])
        }
        format = try OutputFormat(call.value("output"))
        self.type = type
        name = words.count > 1 ? words[1] : nil
        api = try call.connect()
        namespace = call.flag("all-namespaces") || !type.isNamespaced ? nil : api.namespace
        if name != nil, call.flag("all-namespaces"), type.isNamespaced {
            throw UsageError(
                message:
                    "\(type.singular) \"\(name ?? "")\" cannot be named across all namespaces; leave out -A or the name"
            )
        }
    }

    func run() throws -> Int32 {
        let items = try metrics()
        guard !items.isEmpty else {
            let place = namespace.map { " in namespace \($0)" } ?? ""
            call.context.note("nothing is known yet of \(type.plural)\(place): what runs is measured every few seconds")
            return 0
        }
        guard format.isTable else {
            call.context.output(format.text(of: items, asList: name == nil))
            return 0
        }
        let table: TextTable
        switch type {
        case .node: table = try nodeTable(items)
        case .app: table = try appTable(items)
        default: table = podTable(items)
        }
        call.context.output(table.text(withHeaders: !call.flag("no-headers")))
        return 0
    }

    private func metrics() throws -> [JSONValue] {
        let group =
            type == .app
            ? "\(Discovery.appMetricsGroup)/\(Discovery.appMetricsVersion)"
            : "\(Discovery.metricsGroup)/\(Discovery.metricsVersion)"
        var path = "/apis/\(group)/"
        if let namespace { path += "namespaces/\(namespace)/" }
        path += type.plural
        let window = query([("window", call.value("window"))])
        if let name { return [try api.request("GET", "\(path)/\(escaped(name))" + window).document] }
        let parameters = query([("labelSelector", call.value("selector")), ("window", call.value("window"))])
        return try api.request("GET", path + parameters).document["items"]?.array ?? []
    }

    // MARK: - Apps

    private func appTable(_ items: [JSONValue]) throws -> TextTable {
        let parts = call.flag("pods") ? TopApps.Parts.pods : call.flag("revisions") ? .revisions : .apps
        let top = TopApps(parts: parts, isOfAllNamespaces: namespace == nil, order: call.value("sort-by"))
        return top.table(try items.map { try AppMetrics(json: $0) })
    }

    // MARK: - Pods

    private func podTable(_ pods: [JSONValue]) -> TextTable {
        let isSplit = call.flag("containers")
        var rows = pods.flatMap { pod -> [Row] in
            let names = (namespace == nil ? ["namespace"] : []) + ["name"]
            let own = names.map { pod["metadata"]?[$0]?.string ?? "" }
            let containers = (pod["containers"]?.array ?? []).map { row($0, own + [$0["name"]?.string ?? ""]) }
            if isSplit { return containers }
            var whole = sum(containers, own)
            whole.pods = [podKey(pod)]
            return [whole]
        }
        sort(&rows)
        if call.flag("sum") {
            let blank = [String](repeating: "", count: max(0, (rows.first?.names.count ?? 1) - 1))
            rows.append(sum(rows, ["total"] + blank))
        }
        let headers =
            (namespace == nil ? ["NAMESPACE"] : []) + (isSplit ? ["POD", "NAME"] : ["NAME"])
            + ["CPU(cores)", "MEMORY(bytes)"]
        let cells = rows.map { $0.names + ["\($0.milliCPU)m", "\($0.bytes >> 20)Mi"] }
        if isSplit { return TextTable(headers: headers, rows: cells) }
        let requests = PodRequests(api, namespace: namespace)
        return TextTable(
            headers: headers + ["REQ/S"], rows: zip(cells, rows).map { $0 + [requests.cell($1.pods)] })
    }

    private func podKey(_ pod: JSONValue) -> ObjectKey {
        let (namespace, name) = (pod["metadata"]?["namespace"]?.string, pod["metadata"]?["name"]?.string)
        return ObjectKey(.pod, namespace: namespace ?? "", name: name ?? "")
    }

    private func row(_ item: JSONValue, _ names: [String]) -> Row {
        func amount(_ name: String) -> Quantity? { item["usage"]?[name]?.string.flatMap { Quantity($0) } }
        return Row(names: names, milliCPU: amount("cpu")?.thousandths ?? 0, bytes: amount("memory")?.whole ?? 0)
    }

    private func sum(_ rows: [Row], _ names: [String]) -> Row {
        Row(
            names: names, milliCPU: rows.map(\.milliCPU).reduce(0, +), bytes: rows.map(\.bytes).reduce(0, +),
            pods: rows.flatMap(\.pods))
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
        let requests = PodRequests(api, namespace: nil)
        // Whoever may see nodes but no pods sees nodes without requests.
        let all = (try? api.list(Pod.self, namespace: nil, fields: nil)) ?? []
        let pods = Dictionary(grouping: all) { $0.spec.nodeName ?? "" }
        return TextTable(
            headers: ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)", "REQ/S"],
            rows: rows.map { row in
                let room = known.first { $0.name == row.names[0] }?.status?.allocatable ?? [:]
                return row.names + [
                    "\(row.milliCPU)m", share(row.milliCPU, of: room["cpu"]?.thousandths),
                    "\(row.bytes >> 20)Mi", share(row.bytes, of: room["memory"]?.whole),
                    requests.cell((pods[row.names[0]] ?? []).map(\.key)),
                ]
            })
    }

    private func share(_ amount: Int64, of whole: Int64?) -> String {
        guard let whole, whole > 0 else { return "<unknown>" }
        return "\(Int((Double(amount) / Double(whole) * 100).rounded()))%"
    }
}
