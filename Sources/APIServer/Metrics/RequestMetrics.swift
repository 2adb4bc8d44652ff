import Synchronization
import Wire

/// Counts requests, for `/metrics`.
final class RequestMetrics: Sendable {
    private struct Key: Hashable, Comparable {
        var verb: String
        var resource: String
        var code: Int

        static func < (left: Key, right: Key) -> Bool {
            (left.verb, left.resource, left.code) < (right.verb, right.resource, right.code)
        }
    }

    private let counts = Mutex<[Key: Int]>([:])

    func count(verb: String, resource: String, code: Int) {
        counts.withLock { $0[Key(verb: verb, resource: resource, code: code), default: 0] += 1 }
    }

    /// Adds the counts to a page.
    func add(to text: inout MetricsText) {
        text.begin(
            "martlet_apiserver_requests_total", .counter, "Requests answered, by verb, resource and HTTP status.")
        for (key, count) in counts.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            text.add(
                count, MetricLabels(["verb": key.verb, "resource": key.resource, "code": String(key.code)]))
        }
    }
}
