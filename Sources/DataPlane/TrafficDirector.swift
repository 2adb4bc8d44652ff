public import Proxy

/// Whoever puts an endpoint table into effect: HAProxy on a node, a double in a simulation.
public protocol TrafficDirector: AnyObject, Sendable {
    /// Sets what is to be in effect from now on, in place of every table before. Returns at once; tables that are replaced
    /// before their turn are skipped.
    func apply(_ table: EndpointTable)

    /// Whether a pod is ready in the last table that was applied and requests can reach it now.
    func isServing(_ podUID: String) -> Bool

    /// Whether a pod gets no more requests and has none in flight; also of a pod that nobody knows, once a table is in effect.
    func isDrained(_ podUID: String) -> Bool

    /// Has a function told of what happens, in order, until the director stops.
    func observe(_ observer: @escaping @Sendable (TrafficEvent) -> Void)
}

/// What happens while tables are put into effect.
public enum TrafficEvent: Sendable, Hashable {
    /// A pod gets requests.
    case serving(podUID: String)
    /// A pod that was draining, or is gone from the table, gets no more requests and has none in flight.
    case drained(podUID: String)
    /// The load balancer runs; `adopted` when an earlier process had started it.
    case running(pid: Int32, adopted: Bool)
    /// The load balancer has ended or did not start; the reason is a sentence.
    case ended(reason: String)
    /// A table is in effect, after whatever it took; `reloaded` says why the configuration was loaded anew, if it was.
    case applied(reloaded: String?)
    /// A table could not be put into effect, and the last good one stays; the reason is a sentence. It is tried again.
    case refused(reason: String)
    /// Requests are served that nothing counts; the reason is a sentence.
    case uncounted(reason: String)
    /// A pod is left out, or tried again, by the circuit breaker; the reason is a sentence.
    case circuit(podUID: String, isOpen: Bool, reason: String)
}
