import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `GET` of what happened to Apps' requests (`metrics.martlet.dev/v1`), in the last ten seconds or in those that `window` says. It
    /// has a thread of its own: many seconds of many pods are a few milliseconds' work.
    func serveAppMetrics(_ route: Route.Usage, _ exchange: Exchange) throws(APIStatus) {
        let seconds = try Self.window(exchange.request)
        let selection = try Selection(exchange.request, type: .app)
        let path = ResourcePath(type: .app, namespace: route.namespace, name: route.name)
        let apps = store.list(selection.scope(path)).objects.map(\.document).filter { selection.matches($0) }
        if let name = route.name, apps.isEmpty { throw .notFound(.app, name) }
        let started = blocking.start { [self] in
            let nodes = bridges
            let source = AppMetricsSource(
                seconds: seconds, now: clock(), traffic: nodes.map { $0.bridge.traffic(seconds: seconds) },
                usage: nodes.compactMap { $0.bridge.usage() },
                pods: store.list(StoreScope(type: .pod, namespace: path.namespace.isEmpty ? nil : path.namespace))
                    .objects.map(\.document))
            let items = apps.map { source.metrics(of: $0).json }
            if route.name != nil, let item = items.first { return exchange.reply(item) }
            exchange.reply([
                "kind": "AppMetricsList", "apiVersion": .string(AppMetrics().apiVersion), "metadata": [:],
                "items": .array(items),
            ])
        }
        guard started else { throw .tooManyRequests("too many logs and commands are open") }
    }

    /// The nodes that can be reached.
    var bridges: [(node: String, bridge: any NodeBridge)] {
        store.list(StoreScope(type: .node)).objects.compactMap { node in
            nodeBridge(node.key.name).map { (node.key.name, $0) }
        }
    }

    /// How many seconds are looked at.
    private static func window(_ request: HTTPRequest) throws(APIStatus) -> Int {
        guard let text = request.parameter("window"), !text.isEmpty else { return 10 }
        guard let window = TimeSpan(text), window >= .seconds(1), window <= .minutes(15),
            window == .seconds(window.wholeSeconds)
        else { throw .badRequest("window \"\(text)\" is not whole seconds from 1s to 15m") }
        return Int(window.wholeSeconds)
    }
}
