import Linux
import Model
import Synchronization
import Threads

extension NodeNetwork {
    /// How many conversations are kept for links that are to be deleted.
    private static let spareClients = 8

    /// Deletes a link and returns when it is there no more; nothing happens when there is none.
    ///
    /// The kernel has a link gone from everywhere within a millisecond, and keeps whoever asked for that 15 to 30 more, until
    /// what had it in use has let go of its memory (`rcu_barrier` in `netdev_run_todo`). A thread that nobody waits for asks.
    func removeLink(named name: String) throws(LinuxError) {
        let client = try hostClient()
        if try client.link(named: name) == nil { return }
        let removal = LinkRemoval()
        let asking = try removingClient()
        do {
            try Thread.detach(stackBytes: 256 << 10) { [self] in
                removal.run { () throws(LinuxError) in try asking.deleteLink(named: name) }
                keep(asking)
            }
        } catch {
            return try asking.deleteLink(named: name)
        }
        while true {
            if let outcome = removal.outcome(within: TimeSpan(nanoseconds: 200_000)) { return try outcome.get() }
            // Answered when nobody is changing links: not long before this one is gone.
            if try client.link(named: name) == nil { return }
        }
    }

    /// A conversation about the host's links for one who removes some: the kernel takes its time, and one conversation has
    /// one request at a time.
    private func removingClient() throws(LinuxError) -> RouteClient {
        if let spare = idleClients.withLock({ $0.popLast() }) { return spare }
        return try Self.client(NetworkNamespace(path: hostNamespacePath))
    }

    private func keep(_ client: RouteClient) {
        idleClients.withLock { clients in
            if clients.count < Self.spareClients { clients.append(client) }
        }
    }
}

/// What came of a deletion, once that is known.
private final class LinkRemoval: Sendable {
    private let result = Monitor<Result<Void, LinuxError>?>(nil)

    func run(_ body: () throws(LinuxError) -> Void) {
        let result = Result { () throws(LinuxError) in try body() }
        self.result.change { $0 = result }
    }

    func outcome(within limit: TimeSpan) -> Result<Void, LinuxError>? { result.wait(atMost: limit) { $0 } }
}
