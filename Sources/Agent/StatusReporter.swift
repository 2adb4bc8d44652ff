import Failpoints
import Model
import Synchronization
import Threads

/// Sends pods' statuses and events to the API from one thread: of each pod the newest status only, again and again
/// until it was taken.
package final class StatusReporter: Sendable {
    private struct Pending {
        var statuses: [String: (pod: Pod, status: PodStatus)] = [:]
        var events: [(event: PodEvent, pod: Pod)] = []
    }

    /// How many events wait at most; beyond it the oldest are dropped, while statuses never are.
    private static let eventLimit = 1000

    private let connection: any AgentConnection
    private let node: String
    private let log: @Sendable (String) -> Void
    private let pending = Mutex(Pending())
    private let wake = Mailbox<Bool>()

    package init(connection: any AgentConnection, node: String, log: @escaping @Sendable (String) -> Void) {
        self.connection = connection
        self.node = node
        self.log = log
    }

    /// Has a status sent.
    package func report(_ status: PodStatus, of pod: Pod) {
        pending.withLock { $0.statuses[pod.uid] = (pod, status) }
        wake.send(true)
    }

    /// Has an event sent.
    package func record(_ event: PodEvent, of pod: Pod) {
        pending.withLock { pending in
            if pending.events.count >= Self.eventLimit { pending.events.removeFirst() }
            pending.events.append((event, pod))
        }
        wake.send(true)
    }

    /// Whether anything waits to be sent.
    package var hasPending: Bool { pending.withLock { !$0.statuses.isEmpty || !$0.events.isEmpty } }

    /// Ends the thread.
    func stop() { wake.close() }

    /// Sends until `stop`.
    func run() {
        var delay: TimeSpan?
        while wake.receiveAll(waiting: delay) != nil {
            delay = sendAll() ? nil : Self.retryDelay(after: delay)
        }
    }

    /// How long to wait after a failure: 200 ms, 400 ms, ... 5 s.
    package static func retryDelay(after previous: TimeSpan?) -> TimeSpan {
        min((previous ?? .milliseconds(100)) * 2, .seconds(5))
    }

    /// Sends what is pending; false when something has to be sent again.
    package func sendAll() -> Bool {
        let batch = pending.withLock { pending in
            defer { pending = Pending() }
            return pending
        }
        var isComplete = true
        for (uid, entry) in batch.statuses.sorted(by: { $0.key < $1.key }) {
            do throws(ConnectionError) {
                failpoint(.statusSending)
                try connection.update(entry.status, of: entry.pod)
                failpoint(.statusSent)
            } catch {
                // A pod that is gone has no status; whatever else happened may pass.
                if case .notFound = error { continue }
                log("reporting pod \(entry.pod.namespace)/\(entry.pod.name) failed: \(error.message)")
                pending.withLock { if $0.statuses[uid] == nil { $0.statuses[uid] = entry } }
                isComplete = false
            }
        }
        for entry in batch.events {
            // An event is a courtesy: what cannot be recorded now is in the status all the same.
            try? connection.record(entry.event, of: entry.pod, node: node)
        }
        return isComplete
    }
}
