import Model

/// What a pod takes from its node.
struct Demand: Hashable {
    /// One resource and how much of it, in thousandths.
    struct Amount: Hashable {
        let resource: String
        let thousandths: Int64
    }
    /// What is requested, in order of the resources' names; nothing that is zero.
    let amounts: [Amount]
    /// Ports of the node that are asked for, as `8080/TCP`.
    let hostPorts: [String]

    /// Adds a spec up: the containers together, or the largest moment of the start if that is more. Init containers run one
    /// after the other, beside those that keep running (`restartPolicy: Always`). What is not requested counts as none.
    init(_ spec: PodSpec) {
        var running: [String: Int64] = [:]
        var peak: [String: Int64] = [:]
        for container in spec.initContainers {
            let requests = container.resources?.requests ?? [:]
            let moment = running.adding(requests)
            peak.merge(moment) { max($0, $1) }
            if container.restartPolicy == "Always" { running = moment }
        }
        for container in spec.containers { running = running.adding(container.resources?.requests ?? [:]) }
        peak.merge(running) { max($0, $1) }
        amounts = peak.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map {
            Amount(resource: $0.key, thousandths: $0.value)
        }
        hostPorts = (spec.containers + spec.initContainers).flatMap(\.ports).compactMap { port in
            port.hostPort.map { "\($0)/\(port.protocol ?? "TCP")" }
        }.sorted()
    }
}

extension [String: Int64] {
    fileprivate func adding(_ requests: [String: Quantity]) -> [String: Int64] {
        merging(requests.mapValues(\.thousandths)) { left, right in
            let (sum, overflow) = left.addingReportingOverflow(right)
            return overflow ? .max : sum
        }
    }
}

/// What is taken of each node. Worked out anew from the pods for every batch, so that it cannot drift.
struct Ledger {
    /// What is taken of one node.
    struct Account: Hashable {
        var taken: [String: Int64] = [:]
        var pods = 0
        var hostPorts: Set<String> = []
    }
    private var accounts: [String: Account] = [:]
    private let allocatable: [String: [String: Quantity]]

    init(nodes: [Node], pods: [Pod]) {
        allocatable = Dictionary(nodes.map { ($0.name, $0.status?.allocatable ?? [:]) }) { first, _ in first }
        for pod in pods { if let node = pod.spec.nodeName { take(Demand(pod.spec), on: node) } }
    }

    func account(of node: String) -> Account { accounts[node] ?? Account() }

    mutating func take(_ demand: Demand, on node: String) {
        var account = account(of: node)
        for amount in demand.amounts {
            let (sum, overflow) = account.taken[amount.resource, default: 0].addingReportingOverflow(amount.thousandths)
            account.taken[amount.resource] = overflow ? .max : sum
        }
        account.pods += 1
        account.hostPorts.formUnion(demand.hostPorts)
        accounts[node] = account
    }

    /// What the node is too short of for a demand; nil when it fits.
    func shortage(of demand: Demand, on node: Node) -> Rejection? {
        let account = account(of: node.name)
        let offered = allocatable[node.name] ?? [:]
        if let limit = offered["pods"], Int64(account.pods) >= limit.whole {
            return Rejection(kind: "full", detail: "has \(account.pods) of \(limit.whole) pods already")
        }
        for amount in demand.amounts {
            let name = amount.resource
            let need = Self.text(amount.thousandths, name)
            guard let whole = offered[name] else {
                return Rejection(kind: "without \(name)", detail: "needs \(need), offers none")
            }
            let taken = account.taken[name, default: 0]
            let (sum, overflow) = taken.addingReportingOverflow(amount.thousandths)
            if overflow || sum > whole.thousandths {
                let already = "\(Self.amount(taken, name)) of \(whole.text) \(name) requested already"
                return Rejection(kind: "short of \(name)", detail: "needs \(need), \(already)")
            }
        }
        if let port = demand.hostPorts.first(where: account.hostPorts.contains) {
            return Rejection(kind: "without free port \(port)", detail: "has port \(port) taken")
        }
        return nil
    }

    /// What would be free after a demand, of what the node can give, in thousandths of it; the mean of CPU and memory.
    func freeShare(after demand: Demand, on node: Node) -> Int64 {
        let account = account(of: node.name)
        let shares = ["cpu", "memory"].map { name -> Int64 in
            guard let whole = allocatable[node.name]?[name]?.thousandths, whole > 0 else { return 0 }
            let wanted = demand.amounts.first { $0.resource == name }?.thousandths ?? 0
            let free = max(0, whole - account.taken[name, default: 0] - wanted)
            return Int64(Double(free) / Double(whole) * 1000)
        }
        return shares.reduce(0, +) / 2
    }

    private static func amount(_ thousandths: Int64, _ resource: String) -> String {
        switch resource {
        case "cpu": Quantity.millicores(thousandths).text
        case "memory": Quantity.bytes(thousandths / 1000).text
        default: "\(thousandths / 1000)"
        }
    }

    private static func text(_ thousandths: Int64, _ resource: String) -> String {
        "\(amount(thousandths, resource)) \(resource)"
    }
}
