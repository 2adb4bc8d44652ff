import Glibc
import Linux
import Synchronization
import Threads

/// Where directories of pods that have gone wait to be removed, on a thread of its own: a container may have written a
/// million files, and nobody has to wait for their removal.
///
/// What is here belongs to nobody. What a crash leaves here is removed when the next runtime begins.
final class Trash: Sendable {
    private struct State {
        var waiting: [String] = []
        var isBusy = false
        var isStopped = false
    }

    private let directory: String
    private let kernel: any Kernel
    private let state = Monitor(State())
    private let count = Atomic(0)
    private let thread: Thread

    /// Takes over a directory, made when missing, and begins with what is in it.
    init(directory: String, kernel: any Kernel) throws(LinuxError) {
        try Linux.makeDirectories(directory, mode: 0o700)
        self.directory = directory
        self.kernel = kernel
        let left = try listDirectory(directory).map { "\(directory)/\($0)" }
        state.change { $0.waiting = left }
        let state = state
        do {
            thread = try Thread { Self.work(state) }
        } catch {
            throw LinuxError("pthread_create", errno: error.code)
        }
    }

    /// Has a directory removed, which from now on is no longer where it was; nothing happens when there is none.
    func put(_ path: String) throws(LinuxError) {
        let place = "\(directory)/\(getpid())-\(count.add(1, ordering: .relaxed).newValue)"
        do {
            try kernel.rename(path, to: place)
        } catch  where error.errno == ENOENT {
            return
        } catch  where [ENOSPC, EDQUOT, EXDEV].contains(error.errno) {
            // No room for another name, or not on the same disk.
            return try kernel.removeTree(path)
        }
        state.change { $0.waiting.append(place) }
    }

    /// Waits until nothing is left to be removed.
    func drain() { _ = state.wait { $0.waiting.isEmpty && !$0.isBusy ? true : nil } }

    /// Ends the thread once nothing is left.
    func stop() {
        state.change { $0.isStopped = true }
        thread.join()
    }

    private static func work(_ state: Monitor<State>) {
        while true {
            let next: [String]? = state.wait { state -> [String]? in
                guard !state.waiting.isEmpty || state.isStopped else { return nil }
                defer { (state.waiting, state.isBusy) = ([], true) }
                return state.waiting
            }
            guard let next, !next.isEmpty else { return state.change { $0.isBusy = false } }
            // What does not go now goes when the next runtime begins.
            for path in next { try? removeTree(path) }
            state.change { $0.isBusy = false }
        }
    }
}
