import Glibc
import Linux
import Supervision
import Synchronization
import Threads

/// Notices, on a thread of its own, that supervisors or their containers have ended.
final class ExitWatcher: Sendable {
    private struct Shared {
        var handler: (@Sendable (String) -> Void)?
        /// What the thread is to take up or let go of.
        var added: [Watch] = []
        var removed: [String] = []
        var watched: [String: Int32] = [:]
        var isStopped = false
    }

    /// A supervisor: its pod, its pidfd and a connection on which it tells of ends. The thread owns both.
    private struct Watch: Sendable {
        var podUID: String
        var pidfd: Int32
        var connection: Transferred
    }

    private let shared = Mutex(Shared())
    private let wake: Pipe

    init() throws(LinuxError) {
        wake = try Pipe()
        try setNonBlocking(wake.writing)
        try setNonBlocking(wake.reading)
        let loop = WatchLoop(self)
        do {
            try Thread.detach { loop.run() }
        } catch {
            throw LinuxError("pthread_create", errno: error.code)
        }
    }

    // The thread has ended by now: it holds on to this object.
    deinit { wake.close() }

    /// Ends the thread.
    func stop() {
        shared.withLock { $0.isStopped = true }
        notify()
    }

    func setHandler(_ handler: @escaping @Sendable (String) -> Void) { shared.withLock { $0.handler = handler } }

    /// Begins to watch a pod's supervisor, unless that is being done.
    func watch(podUID: String, directory: String, supervisorPID: Int32) throws(LinuxError) {
        if shared.withLock({ $0.watched[podUID] == supervisorPID }) { return }
        let connection = try SupervisorConnection(directory: directory)
        guard let pidfd = try openProcess(connection.supervisorPID) else { return }
        do {
            _ = try connection.request(.subscribe)
        } catch {
            close(pidfd)
            throw LinuxError(
                "watch the supervisor, process \(supervisorPID): \(error.operation)", path: error.path,
                errno: error.errno,
                detail: error.detail)
        }
        watch(
            podUID: podUID, supervisorPID: supervisorPID, pidfd: pidfd,
            connection: Transferred(connection: connection))
    }

    /// Begins to watch a supervisor by a connection that has subscribed. Takes over the pidfd.
    func watch(podUID: String, supervisorPID: Int32, pidfd: Int32, connection: Transferred) {
        let watch = Watch(podUID: podUID, pidfd: pidfd, connection: connection)
        shared.withLock {
            $0.watched[podUID] = supervisorPID
            $0.removed.append(podUID)
            $0.added.append(watch)
        }
        notify()
    }

    private func notify() {
        var byte: UInt8 = 0
        // A full pipe wakes as well.
        while write(wake.writing, &byte, 1) < 0, errno == EINTR {}
    }

    fileprivate func tell(_ podUID: String) { shared.withLock(\.handler)?(podUID) }

    /// The part that lives on the thread.
    private final class WatchLoop: @unchecked Sendable {
        // Safe: made on one thread, used only on the one that `run` is called on.
        private let watcher: ExitWatcher
        private var tokens: [String: [EventLoop.Token]] = [:]
        private var watches: [String: Watch] = [:]

        init(_ watcher: ExitWatcher) { self.watcher = watcher }

        func run() {
            guard let loop = try? EventLoop() else { return }
            _ = try? loop.add(watcher.wake.reading) { [weak self, weak loop] _ in
                if let loop { self?.takeUp(loop) }
            }
            while !watcher.shared.withLock(\.isStopped) {
                do { try loop.turn() } catch { return }
            }
            for podUID in Array(watches.keys) { drop(podUID, loop) }
        }

        private func takeUp(_ loop: EventLoop) {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(watcher.wake.reading, &bytes, bytes.count) > 0 {}
            let (removed, added) = watcher.shared.withLock { shared in
                defer { (shared.removed, shared.added) = ([], []) }
                return (shared.removed, shared.added)
            }
            for podUID in removed { drop(podUID, loop) }
            for watch in added { take(watch, loop) }
        }

        private func take(_ watch: Watch, _ loop: EventLoop) {
            let podUID = watch.podUID
            drop(podUID, loop)
            watches[podUID] = watch
            let ended = try? loop.add(watch.pidfd) { [weak self, weak loop] _ in
                if let loop { self?.supervisorEnded(podUID, loop) }
            }
            let told = try? loop.add(watch.connection.connection.descriptor) { [weak self, weak loop] _ in
                if let loop { self?.eventCame(podUID, loop) }
            }
            tokens[podUID] = [ended, told].compactMap { $0 }
            // What ended before the subscription is seen by looking.
            watcher.tell(podUID)
        }

        private func eventCame(_ podUID: String, _ loop: EventLoop) {
            guard let watch = watches[podUID] else { return }
            do {
                _ = try watch.connection.connection.receive()
                watcher.tell(podUID)
            } catch {
                // The supervisor's own end comes by its pidfd.
                if let token = tokens[podUID]?.popLast() { loop.remove(token) }
            }
        }

        private func supervisorEnded(_ podUID: String, _ loop: EventLoop) {
            guard let watch = watches[podUID] else { return }
            _ = try? reapChild(pidfd: watch.pidfd)  // Not ours when an earlier agent started it.
            drop(podUID, loop)
            watcher.shared.withLock { _ = $0.watched.removeValue(forKey: podUID) }
            watcher.tell(podUID)
        }

        private func drop(_ podUID: String, _ loop: EventLoop) {
            for token in tokens.removeValue(forKey: podUID) ?? [] { loop.remove(token) }
            guard let watch = watches.removeValue(forKey: podUID) else { return }
            // It may have ended, and another been started, before its end was taken up.
            _ = try? reapChild(pidfd: watch.pidfd)
            close(watch.pidfd)
        }
    }
}
