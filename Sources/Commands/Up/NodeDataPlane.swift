import Agent
import DataPlane
import Linux
import Model
import Network
import Proxy
import Threads

/// What carries requests on this node: HAProxy on virtual addresses, the packet filter, and dnsmasq for names.
///
/// One thread puts in effect what is desired, in an order in which no request is lost: an address is there before something
/// listens on it, and goes when nothing does any more.
package final class NodeDataPlane: NodeTraffic {
    private struct Content: Sendable {
        /// What nobody has put in effect yet.
        var desired: DesiredTraffic?
        var current: DesiredTraffic?
        /// Whether there is something that the load balancer has not been told yet.
        var isBehind: Bool { desired != nil || isTelling }
        var isTelling = false
        var observers: [@Sendable () -> Void] = []
        /// After how long the present one is to be put in effect once more: a part of it failed, or has to go later.
        var again: TimeSpan?
        var isOver = false
    }

    /// How often Secrets are looked at for other certificates.
    private static let certificatePeriod = TimeSpan.seconds(10)

    /// After how long an address is taken from the bridge that no App has any more.
    private static let stalePeriod = TimeSpan.seconds(2)
    /// After how long what failed is tried again.
    private static let retryPeriod = TimeSpan.milliseconds(500)

    private let network: NodeNetwork
    private let director: HAProxyDirector
    private let certificates: Monitor<RouteCertificates>
    private let nameServer: NameServer?
    private let settings: ProxySettings
    private let log: @Sendable (String) -> Void
    private let content = Monitor(Content())
    private let thread = Monitor<Thread?>(nil)

    /// Prepares what is needed; `start` begins.
    ///
    /// - Parameters:
    ///   - options: where and how HAProxy runs.
    ///   - nameDirectory: where dnsmasq has its files.
    ///   - settings: on which ports routes are served.
    package init(
        network: NodeNetwork, options: HAProxyOptions, nameDirectory: String, settings: ProxySettings,
        certificates: RouteCertificates, log: @escaping @Sendable (String) -> Void
    ) throws {
        self.network = network
        self.certificates = Monitor(certificates)
        self.settings = settings
        self.log = log
        director = try HAProxyDirector(options)
        nameServer =
            NameServer.isInstalled()
            ? NameServer(
                directory: nameDirectory, address: network.hostAddress,
                ranges: [network.plan.range, network.serviceRange],
                onEvent: { event in if case .ended(let reason, _) = event { log("the DNS server ended: \(reason)") } })
            : nil
    }

    /// Whether pods' names are served.
    var servesNames: Bool { nameServer != nil }

    /// Begins, with what an earlier process left running.
    package func start() throws {
        let log = log
        director.observe { event in
            switch event {
            case .ended(let reason): log("the load balancer ended: \(reason)")
            case .refused(let reason): log("the load balancer keeps what it has: \(reason)")
            case .uncounted(let reason): log("requests are not counted: \(reason)")
            case .circuit(let pod, let isOpen, let reason):
                log("pod \(pod) is \(isOpen ? "left out" : "tried again"): \(reason)")
            case .serving, .drained, .running, .applied: break
            }
        }
        try director.start()
        try nameServer?.start()
        let deciding = try Thread { [self] in work() }
        thread.change { $0 = deciding }
    }

    /// Ends the threads of this process; HAProxy and dnsmasq go on.
    package func leave() {
        content.change { $0.isOver = true }
        thread.change { $0 }?.join()
        director.leave()
        nameServer?.leave()
    }

    /// Sets what is to be in effect from now on.
    package func apply(_ desired: DesiredTraffic) { content.change { $0.desired = desired } }

    /// Whether a pod gets requests.
    package func isServing(_ podUID: String) -> Bool { director.isServing(podUID) }

    /// Whether a pod gets no more requests and has none in flight. Of one that the load balancer is only about to be told of
    /// nobody can say that.
    package func isDrained(_ podUID: String) -> Bool {
        !content.change { $0.isBehind } && director.isDrained(podUID)
    }

    /// Has a function called whenever the answers may have changed.
    package func observe(_ changed: @escaping @Sendable () -> Void) {
        content.change { $0.observers.append(changed) }
        director.observe { event in
            switch event {
            case .serving, .drained, .applied, .running: changed()
            case .ended, .refused, .uncounted, .circuit: break
            }
        }
    }

    /// What happened to the requests of every App in the last whole seconds.
    package func traffic(seconds: Int) -> [TrafficKey: TrafficSummary] { director.traffic(seconds: seconds) }

    /// What happened to the requests of every App since this process began.
    package func trafficTotals() -> [TrafficKey: TrafficTotal] { director.trafficTotals }

    private func work() {
        var present: Set<IPAddress> = []
        while let desired = next() {
            var isDone = attempt("virtual addresses") {
                try network.setVirtualAddresses(desired.virtualAddresses.union(present))
            }
            director.apply(table(of: desired))
            told()
            isDone = attempt("UDP ports") { try network.setUDPServices(desired.services.udpServices) } && isDone
            isDone = attempt("names") { try nameServer?.set(desired.names) } && isDone
            // What nobody needs any more goes a little later: HAProxy may listen on it for a moment yet.
            let isStale = !present.isSubset(of: desired.virtualAddresses)
            present = desired.virtualAddresses
            let again = isDone ? isStale ? Self.stalePeriod : nil : Self.retryPeriod
            content.change { $0.again = again }
        }
    }

    /// Notes that the load balancer knows what was taken up last.
    private func told() {
        let observers = content.change { content in
            content.isTelling = false
            return content.observers
        }
        for changed in observers { changed() }
    }

    private func table(of desired: DesiredTraffic) -> EndpointTable {
        var table = EndpointTable(services: desired.services, settings: settings)
        let wanted = settings.httpsPort == nil ? [] : table.wantedCertificates
        if !wanted.isEmpty {
            table.settings.certificates = certificates.change {
                $0.certificates(for: wanted, now: MachineClock.wall.seconds)
            }
        }
        return table
    }

    /// Does something that is tried again when it fails.
    private func attempt(_ what: String, _ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch {
            log("setting \(what) failed and is tried again: \(error)")
            return false
        }
    }

    /// Waits for what is desired next, or until certificates are to be looked at again; nil at the end.
    private func next() -> DesiredTraffic? {
        while true {
            let period = content.change { $0.again } ?? Self.certificatePeriod
            let waited = content.wait(atMost: period) { content -> DesiredTraffic?? in
                if content.isOver { return .some(nil) }
                guard let desired = content.desired else { return nil }
                content.desired = nil
                content.current = desired
                content.isTelling = true
                return .some(desired)
            }
            if let waited { return waited }
            let (current, isDue) = content.change { ($0.current, $0.again != nil) }
            guard let current else { continue }
            let hasSecrets = current.services.contains { $0.routes.contains { $0.tls?.secret != nil } }
            if isDue || hasSecrets { return current }
        }
    }
}
