import Model

/// A pod as the API shows it.
struct PodView {
    let document: JSONValue

    init(_ document: JSONValue) { self.document = document }

    var name: String { document["metadata"]?["name"]?.string ?? "" }
    var uid: String { document["metadata"]?["uid"]?.string ?? "" }
    var revision: String { document["metadata"]?["labels"]?["martlet.dev/revision"]?.string ?? "" }
    var isStopping: Bool { document["metadata"]?["deletionTimestamp"] != nil }
    var address: String { document["status"]?["podIP"]?.string ?? "" }
    var phase: String { document["status"]?["phase"]?.string ?? "" }
    var isReady: Bool { condition("Ready")?["status"]?.string == "True" }

    func condition(_ type: String) -> JSONValue? {
        document["status"]?["conditions"]?.array?.first { $0["type"]?.string == type }
    }

    func container(_ name: String) -> ContainerView {
        let status = document["status"]
        let all = (status?["initContainerStatuses"]?.array ?? []) + (status?["containerStatuses"]?.array ?? [])
        return ContainerView(document: all.first { $0["name"]?.string == name } ?? .null)
    }
}

/// A container's status as the API shows it.
struct ContainerView {
    let document: JSONValue

    var restarts: Int64 { document["restartCount"]?.integer ?? -1 }
    var isReady: Bool { document["ready"]?.bool ?? false }
    var isRunning: Bool { document["state"]?["running"] != nil }
    var waitingReason: String { document["state"]?["waiting"]?["reason"]?.string ?? "" }
    var waitingMessage: String { document["state"]?["waiting"]?["message"]?.string ?? "" }
    /// How it ended the last time: the present attempt's end, or the one's before.
    var end: JSONValue? { document["state"]?["terminated"] ?? document["lastState"]?["terminated"] }
    var exitCode: Int64? { end?["exitCode"]?.integer }
    var endReason: String { end?["reason"]?.string ?? "" }
}
