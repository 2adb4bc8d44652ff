import Model
import Wire

/// The requests of each pod in the last seconds, beside what pods and nodes use.
struct PodRequests {
    /// How many a second, of pods that get any, or may.
    private var rates: [ObjectKey: Double] = [:]

    init(_ apps: [AppMetrics]) {
        for app in apps {
            for pod in app.pods {
                let key = ObjectKey(.pod, namespace: app.metadata.namespace ?? "", name: pod.name)
                rates[key, default: 0] += pod.requests.perSecond
            }
        }
    }

    /// Asks for those of a namespace, or of all. Whoever may see pods but no Apps sees pods without them.
    init(_ api: ClusterAPI, namespace: String?) {
        let group = "/apis/\(Discovery.appMetricsGroup)/\(Discovery.appMetricsVersion)/"
        let path = group + (namespace.map { "namespaces/\($0)/" } ?? "") + ResourceType.app.plural
        let items = try? api.request("GET", path).document["items"]?.array
        self.init((items ?? nil)?.compactMap { try? AppMetrics(json: $0) } ?? [])
    }

    /// The sum of some pods as text; `-` where nothing is known of any.
    func cell(_ pods: some Sequence<ObjectKey>) -> String {
        let known = pods.compactMap { rates[$0] }
        return known.isEmpty ? "-" : TopApps.rate(known.reduce(0, +))
    }
}
