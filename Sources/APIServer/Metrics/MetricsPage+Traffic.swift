import Model
import Wire

/// A pod's requests, or those that no pod got, as one node counted them.
private struct TrafficLine {
    let labels: MetricLabels
    let isOfPod: Bool
    let total: TrafficTotal

    init(_ node: String, _ key: TrafficKey, _ total: TrafficTotal) {
        labels = MetricLabels([
            "namespace": key.namespace, "app": key.app, "port": key.port, "revision": key.revision, "pod": key.podName,
            "node": node,
        ])
        isOfPod = !key.podUID.isEmpty
        self.total = total
    }

    /// The requests by the class of their status. The classes that everybody asks for are there from the beginning, so that a rate
    /// sees the first request too.
    var classes: [(code: String, count: Int)] {
        let counts = total.counts
        let all = [
            ("1xx", counts.upgrades), ("2xx", counts.successes), ("3xx", counts.redirections),
            ("4xx", counts.clientErrors), ("5xx", counts.serverErrors), ("none", counts.withoutStatus),
        ]
        return all.filter { code, count in count > 0 || code == "5xx" || (code == "2xx" && isOfPod) }
    }
}

extension MetricsText {
    /// Adds what each node counted of Apps' requests. Each node counts by itself, and a sum over nodes would go back when one is gone.
    mutating func addTraffic(_ nodes: [(node: String, totals: [TrafficKey: TrafficTotal])]) {
        let lines = nodes.flatMap { node, totals in
            totals.sorted { $0.key < $1.key }.map { TrafficLine(node, $0.key, $0.value) }
        }
        begin(
            "martlet_requests_total", .counter,
            "Requests to Apps that have ended, by the class of their status; without a pod those that no pod got.")
        for line in lines {
            for (code, count) in line.classes { add(count, line.labels.adding("code", code)) }
        }
        begin(
            "martlet_request_duration_seconds", .histogram,
            "How long answers took, from a request's first byte to the last.")
        for line in lines where line.total.durations.count > 0 {
            let durations = line.total.durations
            add(durations.cumulative, count: durations.count, sum: durations.sum, line.labels)
        }
        let pods = lines.filter(\.isOfPod)
        addFailures(pods)
        begin(
            "martlet_requests_in_flight", .gauge, "Requests that a pod works on; without a pod those that wait for one."
        )
        for line in lines { add(line.total.counts.inFlight, line.labels) }
        begin("martlet_requests_queued", .gauge, "Requests that wait in the queue of a pod, or of all pods of a port.")
        for line in lines { add(line.total.counts.queued, line.labels) }
        begin("martlet_circuit_open", .gauge, "1 while the circuit breaker leaves the pod out, else 0.")
        for line in pods { add(line.total.isEjected ? 1 : 0, line.labels) }
    }

    /// What went wrong at a pod, whether or not another try hid it.
    private mutating func addFailures(_ pods: [TrafficLine]) {
        begin("martlet_request_retries_total", .counter, "Further tries that were made because one failed at this pod.")
        for line in pods { add(line.total.counts.retries, line.labels) }
        begin("martlet_request_redispatches_total", .counter, "Further tries that went from this pod to another.")
        for line in pods { add(line.total.counts.redispatches, line.labels) }
        begin("martlet_connect_errors_total", .counter, "Connections that the pod did not accept.")
        for line in pods { add(line.total.counts.connectErrors, line.labels) }
        begin(
            "martlet_response_errors_total", .counter,
            "Answers that the pod did not give, not in time, not readable, or not to their end.")
        for line in pods { add(line.total.counts.responseErrors, line.labels) }
    }
}
