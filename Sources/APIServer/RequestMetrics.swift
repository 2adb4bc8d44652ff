import Synchronization

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

    /// The counts in the Prometheus text format.
    func text(watches: Int, revision: UInt64) -> String {
        var lines = [
            "# HELP martlet_apiserver_requests_total Requests answered, by verb, resource and HTTP status.",
            "# TYPE martlet_apiserver_requests_total counter",
        ]
        for (key, count) in counts.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            let labels = "verb=\"\(key.verb)\",resource=\"\(key.resource)\",code=\"\(key.code)\""
            lines.append("martlet_apiserver_requests_total{\(labels)} \(count)")
        }
        lines += [
            "# HELP martlet_apiserver_watches Watches that are open.", "# TYPE martlet_apiserver_watches gauge",
            "martlet_apiserver_watches \(watches)",
            "# HELP martlet_store_revision The revision of the store's last commit.",
            "# TYPE martlet_store_revision gauge", "martlet_store_revision \(revision)", "",
        ]
        return lines.joined(separator: "\n")
    }
}
