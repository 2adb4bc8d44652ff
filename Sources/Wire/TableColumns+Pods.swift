import Model

extension TableColumns {
    static let pod = [
        TableColumn("Ready", "How many containers are ready, of how many there are"),
        TableColumn("Status", "The phase, or what keeps the pod from it"),
        TableColumn("Restarts", "How often its containers were restarted"),
    ]
    static let podWide = [
        TableColumn("IP", "The pod's address", wide: true),
        TableColumn("Node", "The node it runs on", wide: true),
        TableColumn("Revision", "The revision it was made from", wide: true),
    ]

    static func podCells(_ document: JSONValue, now: Timestamp) -> [JSONValue] {
        let pod = PodSummary(document)
        return ["\(pod.ready)/\(pod.total)", .string(pod.status), .string(pod.restartText(now: now))]
    }

    static func podWideCells(_ document: JSONValue) -> [JSONValue] {
        let owners = document["metadata"]?["ownerReferences"]?.array ?? []
        return [
            cell(document["status"]?["podIP"]?.string), cell(document["spec"]?["nodeName"]?.string),
            cell(owners.first { $0["kind"]?.string == ResourceType.revision.kind }?["name"]?.string),
        ]
    }
}

/// What a pod's row says, worked out from its containers. The words are those that users of kubectl know.
struct PodSummary {
    /// How many containers count: the main ones, and init containers that keep running beside them.
    let total: Int
    /// How many of them are ready.
    let ready: Int
    /// The one word.
    private(set) var status: String
    private let restarts: Int64
    private let lastRestart: Timestamp?

    init(_ document: JSONValue) {
        let containers = document["status"]?["containerStatuses"]?.array ?? []
        let inits = document["status"]?["initContainerStatuses"]?.array ?? []
        let initSpecs = document["spec"]?["initContainers"]?.array ?? []
        let sidecars = Set(
            initSpecs.filter { $0["restartPolicy"]?.string == "Always" }.compactMap { $0["name"]?.string })
        let beside = inits.filter { sidecars.contains($0["name"]?.string ?? "") }
        let lasting = containers + beside
        total = (document["spec"]?["containers"]?.array?.count ?? 0) + sidecars.count
        ready = lasting.filter { $0["ready"]?.bool == true }.count
        let phase = document["status"]?["reason"]?.string ?? document["status"]?["phase"]?.string ?? "Pending"
        let startup = Self.startup(inits, sidecars: sidecars, count: initSpecs.count)
        status = startup ?? Self.running(containers, document) ?? phase
        if status == "Running", let limit = Self.limit(document) { status = limit }
        if document["metadata"]?["deletionTimestamp"] != nil { status = "Terminating" }
        let counted = startup == nil ? lasting : inits
        restarts = counted.reduce(0) { $0 + ($1["restartCount"]?.integer ?? 0) }
        lastRestart = counted.compactMap {
            $0[path: ["lastState", "terminated", "finishedAt"]]?.string.flatMap { Timestamp($0) }
        }.max()
    }

    /// `3 (5m ago)`.
    func restartText(now: Timestamp) -> String {
        guard restarts > 0, let lastRestart else { return String(restarts) }
        return "\(restarts) (\(HumanDuration.text(now - lastRestart)) ago)"
    }

    /// What the first unfinished init container does; nil when all have done their part.
    private static func startup(_ inits: [JSONValue], sidecars: Set<String>, count: Int) -> String? {
        for (index, container) in inits.enumerated() {
            let state = container["state"]
            if let ended = state?["terminated"] {
                if ended["exitCode"]?.integer == 0 { continue }
                return "Init:" + end(ended)
            }
            if sidecars.contains(container["name"]?.string ?? ""), container["started"]?.bool == true { continue }
            if let reason = state?["waiting"]?["reason"]?.string, !reason.isEmpty, reason != "PodInitializing" {
                return "Init:" + reason
            }
            return "Init:\(index)/\(count)"
        }
        return nil
    }

    /// What the containers say; the first one has the last word.
    private static func running(_ containers: [JSONValue], _ document: JSONValue) -> String? {
        var word: String?
        var hasRunning = false
        for container in containers.reversed() {
            let state = container["state"]
            if let reason = state?["waiting"]?["reason"]?.string, !reason.isEmpty {
                word = reason
            } else if let ended = state?["terminated"] {
                word = end(ended)
            } else if state?["running"] != nil, container["ready"]?.bool == true {
                hasRunning = true
            }
        }
        guard word == "Completed", hasRunning else { return word }
        return TableColumns.conditionStatus(document, "Ready") == "True" ? "Running" : "NotReady"
    }

    /// The limit at which a container is that goes on, but cannot as it would: `ProcessLimitReached`.
    private static func limit(_ document: JSONValue) -> String? {
        guard TableColumns.conditionStatus(document, "LimitReached") == "True" else { return nil }
        return TableColumns.condition(document, "LimitReached")?["reason"]?.string
    }

    private static func end(_ terminated: JSONValue) -> String {
        if let reason = terminated["reason"]?.string, !reason.isEmpty { return reason }
        if let signal = terminated["signal"]?.integer, signal != 0 { return "Signal:\(signal)" }
        return "ExitCode:\(terminated["exitCode"]?.integer ?? 0)"
    }
}
