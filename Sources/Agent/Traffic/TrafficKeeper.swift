import Model
import Synchronization

/// Has what carries requests know of every App and pod, and tells when a pod has no request in flight any more.
///
/// Two threads feed it what the API says; the agent's loop asks it to drain.
package final class TrafficKeeper: Sendable {
    private struct State {
        var book = EndpointBook()
        var applied: DesiredTraffic?
        /// Who waits for requests to reach which pod.
        var beginning: [String: @Sendable () -> Void] = [:]
        /// Who waits for which pod to be drained.
        var ending: [String: @Sendable () -> Void] = [:]
    }

    private let traffic: any NodeTraffic
    private let state = Mutex(State())

    /// Makes a keeper that knows of nothing.
    package init(_ traffic: any NodeTraffic) {
        self.traffic = traffic
        traffic.observe { [weak self] in self?.tell() }
    }

    /// Takes what the API says of Apps.
    package func note(_ change: AppChange) {
        update { book in
            switch change {
            case .all(let apps): book.list(apps)
            case .changed(let app): book.put(app)
            case .removed(let key): book.remove(app: key)
            }
        }
    }

    /// Takes what the API says of pods, of all nodes.
    package func note(_ change: PodChange) {
        update { book in
            switch change {
            case .all(let pods): book.list(pods)
            case .changed(let pod): book.put(pod)
            case .removed(let uid): book.remove(podUID: uid)
            }
        }
    }

    /// Has requests come to a pod of this node, or come no more, before the API knows of it.
    ///
    /// - Parameter served: called once, on any thread, when requests reach the pod.
    func serve(_ pod: Pod, isReady: Bool, served: @escaping @Sendable () -> Void) {
        state.withLock { $0.beginning[pod.uid] = isReady ? served : nil }
        update { $0.note(own: pod, isReady: isReady) }
        tell()
    }

    /// Sends a pod's requests elsewhere. May be asked again, and for pods to which no request ever came.
    ///
    /// - Parameter drained: called once, on any thread, when no request to the pod is in flight any more.
    /// - Returns: how long requests and WebSockets may go on, as the pod's App says; nil for a pod of none.
    func drain(_ podUID: String, drained: @escaping @Sendable () -> Void) -> TimeSpan? {
        state.withLock { state in
            state.beginning[podUID] = nil
            state.ending[podUID] = drained
        }
        update { $0.drain(podUID: podUID) }
        tell()
        return state.withLock { $0.book.patience(podUID: podUID) }
    }

    private func update(_ change: (inout EndpointBook) -> Void) {
        state.withLock { state in
            change(&state.book)
            // A part of the pods would be taken for all of them.
            guard state.book.isComplete else { return }
            let desired = DesiredTraffic(
                services: state.book.services, virtualAddresses: state.book.virtualAddresses, names: state.book.names)
            guard desired != state.applied else { return }
            state.applied = desired
            // While the lock is held: of two changes the later one is applied later.
            traffic.apply(desired)
        }
    }

    /// Tells those who wait for something that is so by now.
    private func tell() {
        let (beginning, ending) = state.withLock { ($0.beginning.keys.sorted(), $0.ending.keys.sorted()) }
        for uid in beginning where traffic.isServing(uid) {
            state.withLock { $0.beginning.removeValue(forKey: uid) }?()
        }
        for uid in ending where traffic.isDrained(uid) {
            state.withLock { $0.ending.removeValue(forKey: uid) }?()
        }
    }
}
