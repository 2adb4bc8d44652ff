import Model

/// What the pods on a node request together. Worked out from the documents, apart from the scheduler's own books, which it is held
/// against.
package struct NodeDemand: Hashable {
    /// In thousandths, by resource.
    package private(set) var amounts: [String: Int64] = [:]
    /// How many pods there are.
    package private(set) var pods: Int64 = 0

    /// Nothing yet.
    package init() {}

    /// Adds a pod; one that has ended holds nothing.
    package mutating func add(_ pod: JSONValue) {
        guard !["Failed", "Succeeded"].contains(pod["status"]?["phase"]?.string ?? "") else { return }
        pods += 1
        for (resource, amount) in Self.requests(of: pod["spec"]) { amounts[resource, default: 0] += amount }
    }

    /// The containers together, or the largest moment of the start if that is more.
    private static func requests(of spec: JSONValue?) -> [String: Int64] {
        var running: [String: Int64] = [:]
        var peak: [String: Int64] = [:]
        for container in spec?["initContainers"]?.array ?? [] {
            let moment = running.merging(requests(of: container)) { $0 + $1 }
            peak.merge(moment) { max($0, $1) }
            if container["restartPolicy"]?.string == "Always" { running = moment }
        }
        for container in spec?["containers"]?.array ?? [] { running.merge(requests(of: container)) { $0 + $1 } }
        return peak.merging(running) { max($0, $1) }
    }

    private static func requests(of container: JSONValue) -> [String: Int64] {
        let members = container["resources"]?["requests"]?.object?.members ?? []
        let pairs = members.compactMap { member in
            member.value.string.flatMap { Quantity($0) }.map { (member.name, $0.thousandths) }
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
