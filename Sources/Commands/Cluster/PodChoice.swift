import Model

/// Which pods a word means: an App's, or one by name.
struct PodChoice {
    let api: ClusterAPI

    /// The pods that `web`, `app/web`, `pod/web-1` or `web-1` means. A plain word is tried as a pod, then as an App.
    func pods(_ word: String) throws -> [Pod] {
        if word.contains("/") {
            let group = try Targets([word]).groups[0]
            switch group.type {
            case .pod: return [try Pod(json: api.get(.pod, namespace: api.namespace, name: group.names[0]))]
            case .app: return try pods(ofApp: group.names[0])
            default: throw UsageError(message: "\(word) is neither a pod nor an App")
            }
        }
        if let pod = try api.find(.pod, namespace: api.namespace, name: word) { return [try Pod(json: pod)] }
        if try api.find(.app, namespace: api.namespace, name: word) != nil { return try pods(ofApp: word) }
        throw CommandFailure(message: "there is no pod and no App \"\(word)\" in namespace \(api.namespace)")
    }

    /// The pods of an App, ready ones first.
    private func pods(ofApp name: String) throws -> [Pod] {
        _ = try api.get(.app, namespace: api.namespace, name: name)
        let pods = try api.list(Pod.self, namespace: api.namespace, labels: "\(WellKnown.appLabel)=\(name)")
        guard !pods.isEmpty else { throw CommandFailure(message: "app \(name) has no pods") }
        func rank(_ pod: Pod) -> Int { pod.status?.conditions["Ready"]?.status == "True" ? 0 : 1 }
        return pods.sorted { (rank($0), $0.name) < (rank($1), $1.name) }
    }
}

extension Pod {
    /// The container that is meant where none is named: the first.
    func container(_ name: String?) throws -> String {
        let names = (spec.containers + spec.initContainers).map(\.name)
        guard let name else { return names.first ?? "" }
        guard names.contains(name) else {
            throw CommandFailure(
                message: "pod \(self.name) has no container \"\(name)\"; it has \(names.joined(separator: ", "))")
        }
        return name
    }
}
