public import HTTP
public import Model
public import Store
public import Threads
public import Wire

/// The API: answers HTTP requests from a store, after the Kubernetes API conventions. It has no socket of its own:
/// whoever receives a request calls `handle`, and is answered on the responder from any thread.
///
/// No method blocks the caller's thread: commits answer from the store's thread, watches are written by one thread of
/// the server's own, and logs and commands run on a thread each.
public final class APIServer: Sendable {
    let store: any Store
    let clock: @Sendable () -> Timestamp
    let ids: any IDSource
    let authenticator: any Authenticator
    let authorizer: any Authorizer
    let nodeBridge: @Sendable (_ nodeName: String) -> (any NodeBridge)?
    let process: ServerProcess
    let hub: WatchHub
    let encoder = ObjectEncoder()
    let pages = ListPages()
    let openAPI = OpenAPIService()
    let metrics = RequestMetrics()
    let blocking = BlockingWork(limit: 256)

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - store: what it serves.
    ///   - clock: the present moment, for timestamps and ages.
    ///   - monotonic: a clock that never jumps, for how long watches last.
    ///   - ids: where identities and random name suffixes come from.
    ///   - authenticator: who may ask at all.
    ///   - authorizer: who may do what.
    ///   - nodeBridge: the way to a node, for logs and commands; nil while the node cannot be reached.
    ///   - process: the process that the server is part of, for its own measurements.
    ///   - watches: how watches are served.
    public init(
        store: any Store, clock: @escaping @Sendable () -> Timestamp,
        monotonic: @escaping @Sendable () -> TimeSpan = { MachineClock.monotonic }, ids: any IDSource = SystemIDs(),
        authenticator: any Authenticator, authorizer: any Authorizer = GroupAuthorizer(),
        nodeBridge: @escaping @Sendable (_ nodeName: String) -> (any NodeBridge)? = { _ in nil },
        process: ServerProcess = ServerProcess(), watches: WatchServing = WatchServing()
    ) {
        self.store = store
        self.clock = clock
        self.ids = ids
        self.authenticator = authenticator
        self.authorizer = authorizer
        self.nodeBridge = nodeBridge
        self.process = process
        hub = WatchHub(encoder: encoder, clock: clock, monotonic: monotonic, serving: watches)
    }

    /// Answers one request.
    public func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        let exchange = Exchange(request, responder, metrics: metrics)
        do throws(APIStatus) {
            try serve(exchange)
        } catch {
            exchange.fail(error)
        }
    }

    /// Answers `GET /metrics` and nothing else, whoever asks: for a listener that is opened for monitoring.
    public func handleMetrics(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        let exchange = Exchange(request, responder, metrics: metrics)
        do throws(APIStatus) {
            guard case .information(.metrics)? = Route(path: request.path) else { throw .noSuchResource }
            try serve(.metrics, exchange)
        } catch {
            exchange.fail(error)
        }
    }

    /// Ends every watch, log and command, so that an HTTP server can stop without waiting for its clients.
    public func stop() {
        hub.stop()
        blocking.stop()
    }

    /// Writes what waits for watches' clients and is due by the clock, where `WatchServing.hasOwnThread` is false.
    ///
    /// - Returns: how long it is until something is due again; nil when no watch is open.
    @discardableResult public func serveWatches() -> TimeSpan? { hub.serve() }

    /// The most changes that wait for any one watch now.
    public var longestWatchQueue: Int { hub.longestQueue }

    private func serve(_ exchange: Exchange) throws(APIStatus) {
        let request = exchange.request
        let route = Route(path: request.path)
        if case .open(let open)? = route { return try serve(open, exchange) }
        guard let identity = authenticator.authenticate(request) else { throw .unauthorized }
        let impersonated = request.headers.keys.filter { $0.hasPrefix("impersonate-") }
        guard impersonated.isEmpty else {
            throw APIStatus(
                code: 403, reason: "Forbidden",
                message: "user \"\(identity.name)\" may not act as somebody else: impersonation is not supported")
        }
        guard let route else { throw .noSuchResource }
        switch route {
        case .open: break
        case .information(let information):
            if information == .metrics { try authorizeMonitoring(identity) }
            try serve(information, exchange)
        case .usage(let usage):
            guard request.method == "GET" else { throw .methodNotAllowed(request.method) }
            let verb = usage.name == nil ? Verb.list : .get
            exchange.describe(verb: verb.rawValue, resource: "metrics/\(usage.type.plural)")
            try authorize(
                identity, verb, ResourcePath(type: usage.type, namespace: usage.namespace, name: usage.name))
            if usage.type == .app { try serveAppMetrics(usage, exchange) } else { try serveUsage(usage, exchange) }
        case .snapshot: try serveSnapshot(identity, exchange)
        case .resource(let path):
            let verb = try path.verb(of: request)
            exchange.describe(verb: verb.rawValue, resource: path.metricName)
            try authorize(identity, verb, path)
            try serve(verb, path, exchange)
        }
    }

    /// Lets see what is measured of all namespaces whoever may see all of them, and those whose group says so.
    private func authorizeMonitoring(_ identity: Identity) throws(APIStatus) {
        guard !identity.groups.contains("system:monitoring") else { return }
        try authorize(identity, .list, ResourcePath(type: .pod))
    }

    private func authorize(_ identity: Identity, _ verb: Verb, _ path: ResourcePath) throws(APIStatus) {
        guard
            !authorizer.allows(identity, verb: verb.rawValue, on: path.type, namespace: path.namespace, name: path.name)
        else { return }
        let resource = path.type.plural + (path.subresource.map { "/\($0)" } ?? "")
        let place = path.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(path.namespace)\""
        throw .forbidden(
            path.type, path.name ?? "",
            "User \"\(identity.name)\" cannot \(verb.rawValue) resource \"\(resource)\" in API group "
                + "\"\(path.type.group)\" \(place)")
    }

    private func serve(_ verb: Verb, _ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        switch (path.subresource, verb) {
        case ("log"?, .get): try log(path, exchange)
        case ("exec"?, .get), ("exec"?, .create): try exec(path, exchange)
        case ("log"?, _), ("exec"?, _): throw .methodNotAllowed(exchange.request.method)
        case ("scale"?, .get): try getScale(path, exchange)
        case ("scale"?, .update), ("scale"?, .patch): try changeScale(path, exchange)
        case (_, .get): try get(path, exchange)
        case (_, .update), (_, .patch): try change(path, exchange)
        case (nil, .list): try list(path, exchange)
        case (nil, .watch): try watch(path, exchange)
        case (nil, .create): try create(path, exchange)
        case (nil, .delete): try delete(path, exchange)
        case (nil, .deletecollection): try deleteCollection(path, exchange)
        default: throw .methodNotAllowed(exchange.request.method)
        }
    }
}
