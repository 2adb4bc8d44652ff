import Client
import Glibc
import Model

/// The monotonic clock of this program.
func monotonicNow() -> TimeSpan {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return TimeSpan(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

/// The wall clock.
func wallNow() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

/// Waits for a length of time (nanosleep(2)).
func pause(_ span: TimeSpan) {
    var wanted = timespec(tv_sec: Int(span.wholeSeconds), tv_nsec: Int(span.nanoseconds % 1_000_000_000))
    var rest = timespec()
    while nanosleep(&wanted, &rest) != 0 && errno == EINTR { wanted = rest }
}

/// Asks again and again until a question has an answer or the time is up.
///
/// Asking every 200 ms rather than watching keeps one request a question, works over a server's restart, and is what a
/// person can see anyway.
struct Poll {
    let limit: TimeSpan
    let interval = TimeSpan.milliseconds(200)

    /// The first answer that is not nil; nil when the time is up. A server that cannot be reached is asked again.
    func until<Answer>(_ question: () throws -> Answer?) throws -> Answer? {
        let deadline = monotonicNow() + limit
        while true {
            do {
                if let answer = try question() { return answer }
            } catch ClientError.unreachable(let message) {
                if monotonicNow() >= deadline { throw ClientError.unreachable(message) }
            }
            if monotonicNow() >= deadline { return nil }
            pause(interval)
        }
    }
}

/// Waits until Apps are available at their newest spec, and says what is waited for as it changes.
struct RolloutWait {
    let call: Invocation
    let api: ClusterAPI
    let timeout: TimeSpan

    /// Waits for every App among some objects; returns the exit code.
    func wait(for objects: [JSONValue]) throws -> Int32 {
        var code: Int32 = 0
        for object in objects where object["kind"]?.string == "App" {
            let name = object["metadata"]?["name"]?.string ?? ""
            let namespace = object["metadata"]?["namespace"]?.string ?? api.namespace
            if try !wait(name, namespace) { code = 1 }
        }
        return code
    }

    private func wait(_ name: String, _ namespace: String) throws -> Bool {
        var shown = ""
        var last = RolloutProgress(isDone: false, text: "waiting for the control plane", isFailed: false)
        let answer = try Poll(limit: timeout).until { () -> Bool? in
            let app = try App(json: api.get(.app, namespace: namespace, name: name))
            last = RolloutProgress(of: app)
            if last.text != shown && !last.isDone {
                shown = last.text
                call.context.note("app \(name): \(last.text)")
            }
            return last.isDone ? true : last.isFailed ? false : nil
        }
        if answer == true {
            call.context.print("app \(name) is available")
            return true
        }
        let prefix = answer == nil ? "not available after \(timeout)" : "failed"
        call.context.note("error: app \(name): \(prefix): \(last.text)")
        for line in try podTroubles(name, namespace) { call.context.note("  \(line)") }
        call.context.note("  see: martlet describe app \(name) -n \(namespace)")
        return false
    }

    /// One line for each pod that is not ready, with the reason.
    private func podTroubles(_ app: String, _ namespace: String) throws -> [String] {
        try api.list(Pod.self, namespace: namespace, labels: "martlet.dev/app=\(app)").compactMap { pod in
            guard pod.status?.conditions["Ready"]?.status != "True" else { return nil }
            return "pod \(pod.name): \(PodTrouble(pod).text)"
        }
    }
}

/// Why a pod is not ready, in one line.
struct PodTrouble {
    let text: String

    init(_ pod: Pod) {
        let statuses = (pod.status?.initContainerStatuses ?? []) + (pod.status?.containerStatuses ?? [])
        let waiting = statuses.lazy.compactMap { status -> String? in
            guard let waiting = status.state?.waiting else { return nil }
            return "\(status.name): \(waiting.reason ?? "waiting"): \(waiting.message ?? "")"
        }.first
        let scheduled = pod.status?.conditions["PodScheduled"]
        if scheduled?.status == "False" {
            text = "\(scheduled?.reason ?? ""): \(scheduled?.message ?? "")"
        } else if let message = pod.status?.message {
            text = "\(pod.status?.reason ?? ""): \(message)"
        } else {
            text = waiting ?? pod.status?.conditions["Ready"]?.message ?? "waiting for the agent"
        }
    }
}

/// How far an App's rollout has come.
struct RolloutProgress {
    var isDone: Bool
    var text: String
    var isFailed: Bool

    init(isDone: Bool, text: String, isFailed: Bool) {
        self.isDone = isDone
        self.text = text
        self.isFailed = isFailed
    }

    init(of app: App) {
        let status = app.status ?? AppStatus()
        let desired = app.spec.replicas ?? 1
        isFailed = false
        let progressing = status.conditions["Progressing"]
        guard let observed = status.observedGeneration, observed >= app.metadata.generation ?? 0 else {
            (isDone, text) = (false, "waiting for the control plane to see generation \(app.metadata.generation ?? 0)")
            return
        }
        let updated = status.updatedReplicas ?? 0
        let available = status.availableReplicas ?? 0
        let total = status.replicas ?? 0
        isDone =
            updated >= desired && available >= desired && total <= desired
            && progressing?.reason == "NewRevisionAvailable"
        if progressing?.reason == "ProgressDeadlineExceeded" { isFailed = true }
        text = "\(updated) of \(desired) updated, \(available) available"
        if total > desired { text += ", \(total - desired) old ones stopping" }
        if let message = progressing?.message, !isDone, !message.isEmpty { text += " (\(message))" }
    }
}
