import Client
import Model

/// Waits until Apps are available at their newest spec, and says what is waited for as it changes.
struct RolloutWait {
    let call: Invocation
    let api: ClusterAPI
    let timeout: TimeSpan

    /// Waits for every App among some objects, all within the same time; returns the exit code.
    func wait(for objects: [JSONValue]) throws -> Int32 {
        let poll = Poll(call.context.clock, limit: timeout)
        var code: Int32 = 0
        for object in objects where object["kind"]?.string == "App" {
            let name = object["metadata"]?["name"]?.string ?? ""
            let namespace = object["metadata"]?["namespace"]?.string ?? api.namespace
            if try !wait(name, namespace, poll) { code = 1 }
        }
        return code
    }

    private func wait(_ name: String, _ namespace: String, _ poll: Poll) throws -> Bool {
        let progress = ProgressLine(call.context)
        defer { progress.clear() }
        var last = RolloutProgress(isDone: false, text: "waiting for the control plane", detail: nil, isFailed: false)
        let answer = try poll.until { () -> Bool? in
            last = RolloutProgress(of: try App(json: api.get(.app, namespace: namespace, name: name)))
            if !last.isDone && !last.isFailed { progress.show("app \(name): \(last.text)") }
            return last.isDone ? true : last.isFailed ? false : nil
        }
        progress.clear()
        if answer == true {
            call.context.print("app \(name) is available")
            return true
        }
        let prefix = answer == nil ? "not available after \(timeout)" : "failed"
        call.context.note("error: app \(name): \(prefix): \(last.text)")
        if let detail = last.detail { call.context.note("  \(detail)") }
        for line in try podTroubles(name, namespace) { call.context.note("  \(line)") }
        call.context.note("  see: martlet describe app \(name) -n \(namespace)")
        return false
    }

    /// One line for each pod that is not ready, with the reason.
    private func podTroubles(_ app: String, _ namespace: String) throws -> [String] {
        try api.list(Pod.self, namespace: namespace, labels: "\(WellKnown.appLabel)=\(app)").compactMap { pod in
            guard pod.status?.conditions["Ready"]?.status != "True" else { return nil }
            return "pod \(pod.name): \(PodTrouble(pod).text)"
        }
    }
}

/// How far an App's rollout has come.
struct RolloutProgress: Equatable {
    /// Whether every desired pod is of the newest revision and available, and no other is left.
    var isDone: Bool
    /// In numbers, short enough for a line of progress.
    var text: String
    /// What the control plane says about it.
    var detail: String?
    /// Whether it has missed its deadline.
    var isFailed: Bool

    init(isDone: Bool, text: String, detail: String?, isFailed: Bool) {
        (self.isDone, self.text, self.detail, self.isFailed) = (isDone, text, detail, isFailed)
    }

    init(of app: App) {
        let status = app.status ?? AppStatus()
        let generation = app.metadata.generation ?? 0
        guard let observed = status.observedGeneration, observed >= generation else {
            self.init(
                isDone: false, text: "waiting for the control plane to see generation \(generation)", detail: nil,
                isFailed: false)
            return
        }
        let progressing = status.conditions["Progressing"]
        let desired = app.spec.replicas ?? 1
        let updated = status.updatedReplicas ?? 0
        let available = status.availableReplicas ?? 0
        let total = status.replicas ?? 0
        let isComplete = updated >= desired && available >= desired && total <= desired
        var text = "\(updated) of \(desired) pods updated, \(available) available"
        if total > desired { text += ", \(total - desired) old stopping" }
        self.init(
            isDone: isComplete && progressing?.reason == "NewRevisionAvailable", text: text,
            detail: progressing?.message.flatMap { $0.isEmpty ? nil : $0 },
            isFailed: progressing?.reason == "ProgressDeadlineExceeded")
    }
}
