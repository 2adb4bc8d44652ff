import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `GET /metrics`, on a thread of its own: the page of a thousand pods has four megabytes.
    func serveMetrics(_ exchange: Exchange) throws(APIStatus) {
        exchange.describe(verb: "get", resource: "metrics")
        let format = MetricsText.Format(accept: exchange.request.headers["accept"])
        let started = blocking.start { [self] in
            exchange.reply(metricsPage(format), type: format.mediaType)
        }
        guard started else { throw .tooManyRequests("too many logs and commands are open") }
    }

    /// Everything that is measured, for monitoring systems.
    func metricsPage(_ format: MetricsText.Format) -> [UInt8] {
        var text = MetricsText(format)
        let nodes = bridges
        text.addTraffic(nodes.map { ($0.node, $0.bridge.trafficTotals()) })
        let pods = store.list(StoreScope(type: .pod)).objects.map(\.document)
        text.addApps(store.list(StoreScope(type: .app)).objects.map(\.document))
        text.addPods(pods)
        text.addUsage(nodes.compactMap { node in node.bridge.usage().map { (node.node, $0) } }, pods: pods)
        metrics.add(to: &text)
        text.begin("martlet_apiserver_watches", .gauge, "Watches that are open.")
        text.add(hub.count)
        text.begin("martlet_store_revision", .gauge, "The revision of the store's last commit.")
        text.add(Int(clamping: store.revision))
        text.begin("martlet_build_info", .gauge, "Always 1; the label says which version of Martlet this is.")
        text.add(1, MetricLabels(["version": process.version]))
        if let usage = process.usage() { text.addProcess(usage) }
        return text.bytes
    }
}

extension MetricsText {
    /// What every program of a machine tells of itself, under the names that all of them use.
    fileprivate mutating func addProcess(_ usage: ProcessUsage) {
        begin("process_cpu_seconds_total", .counter, "Processor time of the server's process, in seconds.")
        add(Double(usage.cpuNanoseconds) / 1e9)
        begin("process_resident_memory_bytes", .gauge, "Memory of the server's process that is in use.")
        add(Int(clamping: usage.residentBytes))
        begin("process_virtual_memory_bytes", .gauge, "Addresses that the server's process has reserved.")
        add(Int(clamping: usage.virtualBytes))
        begin("process_open_fds", .gauge, "Files and sockets that the server's process has open.")
        add(usage.openFiles)
        begin("process_max_fds", .gauge, "How many it may have open.")
        add(usage.openFileLimit)
        begin("process_threads", .gauge, "Threads of the server's process.")
        add(usage.threads)
        begin("process_start_time_seconds", .gauge, "When the server's process began, in seconds since 1970.")
        add(Double(usage.startTime.nanoseconds) / 1e9)
    }
}
