import HTTP
import Model
import Store
import Synchronization
import Wire

extension APIServer {
    /// `GET` of a pod's log.
    func log(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let target = try PodTarget(self, path, container: exchange.request.parameter("container"))
        var request = PodLogRequest(podUID: target.uid, container: target.container)
        try read(exchange.request, into: &request)
        try target.checkHasLog(previous: request.previous)
        let bridge = try target.bridge(self)
        let wanted = request
        let started = blocking.start { [self] in
            let sink = LogSink(exchange, blocking)
            do throws(NodeBridgeError) {
                try bridge.streamLog(wanted, to: sink)
                sink.finish()
            } catch {
                sink.fail(error)
            }
        }
        guard started else { throw .tooManyRequests("too many logs and commands are open") }
    }

    private func read(_ http: HTTPRequest, into request: inout PodLogRequest) throws(APIStatus) {
        request.follow = Self.flag(http, "follow")
        request.previous = Self.flag(http, "previous")
        request.timestamps = Self.flag(http, "timestamps")
        request.tailLines = try number(http, "tailLines")
        request.limitBytes = try number(http, "limitBytes")
        if let seconds = try number(http, "sinceSeconds") {
            request.since = (clock() - .seconds(Int64(clamping: seconds))).nanoseconds
        }
        guard let text = http.parameter("sinceTime"), !text.isEmpty else { return }
        guard request.since == nil else { throw .badRequest("at most one of sinceTime and sinceSeconds may be given") }
        guard let time = Timestamp(text) else { throw .badRequest("sinceTime \"\(text)\" is no RFC 3339 time") }
        request.since = time.nanoseconds
    }
}

extension Timestamp {
    fileprivate static func - (left: Timestamp, right: TimeSpan) -> Timestamp {
        left + TimeSpan(nanoseconds: -right.nanoseconds)
    }
}

/// The container of a pod that a log or a command is about.
struct PodTarget {
    let pod: JSONValue
    let name: String
    let container: String

    var uid: String { pod["metadata"]?["uid"]?.string ?? "" }

    /// Finds the pod, and the container that is meant where none is named: the one that the pod's annotation names,
    /// else the first.
    init(_ server: APIServer, _ path: ResourcePath, container: String?) throws(APIStatus) {
        name = path.name ?? ""
        guard let stored = server.store.get(path.key) else { throw .notFound(path.type, name) }
        let pod = stored.document
        self.pod = pod
        let names = ["containers", "initContainers"].flatMap { member in
            (pod["spec"]?[member]?.array ?? []).compactMap { $0["name"]?.string }
        }
        let annotated = pod["metadata"]?["annotations"]?["kubectl.kubernetes.io/default-container"]?.string
        let wanted = container.flatMap { $0.isEmpty ? nil : $0 } ?? annotated ?? names.first ?? ""
        guard names.contains(wanted) else {
            throw .badRequest(
                "container \(wanted) is not valid for pod \(name): it has \(names.joined(separator: ", "))")
        }
        self.container = wanted
    }

    /// What was observed of the container.
    private var status: JSONValue? {
        let all = ["containerStatuses", "initContainerStatuses"].flatMap { pod["status"]?[$0]?.array ?? [] }
        return all.first { $0["name"]?.string == container }
    }

    /// Refuses a log that cannot be there yet.
    func checkHasLog(previous: Bool) throws(APIStatus) {
        let hasEnded = status?["lastState"]?["terminated"] != nil
        if previous {
            guard hasEnded || (status?["restartCount"]?.integer ?? 0) > 0 else {
                throw .badRequest("previous terminated container \"\(container)\" in pod \"\(name)\" not found")
            }
            return
        }
        let state = status?["state"]
        guard state?["running"] == nil, state?["terminated"] == nil, !hasEnded else { return }
        try checkHasNode()
        let reason = state?["waiting"]?["reason"]?.string ?? "ContainerCreating"
        throw .badRequest("container \"\(container)\" in pod \"\(name)\" is waiting to start: \(reason)")
    }

    /// Refuses a command for a container that does not run.
    func checkRuns() throws(APIStatus) {
        try checkHasNode()
        guard status?["state"]?["running"] != nil else {
            throw .badRequest("container \"\(container)\" in pod \"\(name)\" is not running")
        }
    }

    private func checkHasNode() throws(APIStatus) {
        guard !(pod["spec"]?["nodeName"]?.string ?? "").isEmpty else {
            throw .badRequest("pod \(name) does not have a node assigned")
        }
    }

    /// The way to the pod's node.
    func bridge(_ server: APIServer) throws(APIStatus) -> any NodeBridge {
        try checkHasNode()
        let node = pod["spec"]?["nodeName"]?.string ?? ""
        guard let bridge = server.nodeBridge(node) else {
            throw .unavailable("node \"\(node)\" of pod \"\(name)\" cannot be reached")
        }
        return bridge
    }
}

/// Hands a log to the client. The answer starts with the first line, so that what goes wrong before is a proper error.
private final class LogSink: PodLogSink {
    private enum Answer {
        case none
        case open(any HTTPStream)
        case closed
    }

    /// How much of a log waits for a client that reads more slowly than the node does, in bytes.
    private static let backlogMark = 1 << 20

    private let exchange: Exchange
    private let blocking: BlockingWork
    private let answer = Mutex(Answer.none)

    init(_ exchange: Exchange, _ blocking: BlockingWork) {
        self.exchange = exchange
        self.blocking = blocking
    }

    func write(_ bytes: [UInt8]) -> Bool {
        guard isOpen, let stream = stream(), stream.waitForRoom(below: Self.backlogMark) else { return false }
        return stream.write(bytes)
    }

    /// A follower that asks has found its log: the client learns that it is being served.
    var isOpen: Bool {
        guard !blocking.isStopped else { return false }
        _ = stream()
        return answer.withLock { if case .closed = $0 { false } else { true } }
    }

    func finish() {
        stream()?.finish()
        close()
    }

    func fail(_ error: NodeBridgeError) {
        let started = answer.withLock { if case .none = $0 { false } else { true } }
        guard started else { return exchange.fail(APIStatus(error)) }
        finish()
    }

    private func stream() -> (any HTTPStream)? {
        let (stream, isNew) = answer.withLock { answer -> ((any HTTPStream)?, Bool) in
            switch answer {
            case .open(let stream): return (stream, false)
            case .closed: return (nil, false)
            case .none:
                let stream = exchange.stream(type: "text/plain; charset=utf-8")
                answer = .open(stream)
                return (stream, true)
            }
        }
        // Not while the lock is held: a client that is gone is told of at once.
        if isNew { stream?.onClose { [weak self] in self?.close() } }
        return stream
    }

    private func close() { answer.withLock { $0 = .closed } }
}

extension APIStatus {
    /// What a node could not do.
    init(_ error: NodeBridgeError) {
        switch error.status {
        case 400: self = .badRequest(error.message)
        case 404: self.init(code: 404, reason: "NotFound", message: error.message)
        case 409: self.init(code: 409, reason: "Conflict", message: error.message)
        default: self = .internalError(error.message)
        }
    }
}
