import BenchmarkReport
import Glibc
import Model
import Synchronization
import Threads

/// `watch`: how long after a write is sent each of many watchers, with a connection each, has the change.
func measureWatch(_ options: Options) throws {
    let watchers = try options.number("watchers", default: 1000)
    let events = try options.number("events", default: 50)
    let work = "watch delivery to \(watchers) watchers"
    for run in 1...(try options.number("runs", default: 5)) {
        for (backend, peer) in try sides(options) {
            let latencies = try WatchBenchmark(watchers: watchers, events: events).latencies(backend)
            guard let middle = median(latencies), let slow = percentile(latencies, 0.99) else { continue }
            progress("run \(run), \(peer ?? "martlet"): median \(middle) ms, p99 \(slow) ms")
            emit(Sample(name: "api", work: "\(work), median", peer: peer, value: middle, unit: "ms"))
            emit(Sample(name: "api", work: "\(work), p99", peer: peer, value: slow, unit: "ms"))
        }
    }
}

struct WatchBenchmark {
    let watchers: Int
    let events: Int

    /// Milliseconds from sending each write to its arrival, for each event and watcher.
    func latencies(_ backend: any Backend) throws -> [Double] {
        let writer = try Connection(backend.endpoint)
        var object = TestObject(name: "bench-watch")
        try backend.create(writer, "bench-watch", object.document)
        let board = ArrivalBoard(watchers: watchers)
        let threads = try (0..<watchers).map { number in
            try Thread(stackBytes: 512 << 10) { listen(backend, number, board) }
        }
        defer { for thread in threads { thread.join() } }
        defer { board.isOver.store(true, ordering: .relaxed) }
        try board.awaitAll("connect")
        var latencies: [Double] = []
        let first = Int.random(in: 0..<10_000_000)
        for event in 1...events {
            object.mark(first + event)
            board.begin(TestObject.marker(first + event))
            try backend.write(writer, "bench-watch", object.document)
            try board.awaitAll("get the change")
            latencies += board.milliseconds
        }
        board.isOver.store(true, ordering: .relaxed)
        object.mark(first + events + 1)
        try backend.write(writer, "bench-watch", object.document)
        return latencies
    }

    private func listen(_ backend: any Backend, _ number: Int, _ board: ArrivalBoard) {
        do {
            var isConnected = false
            try backend.watch(try Connection(backend.endpoint)) { part in
                let now = MachineClock.monotonic
                if !isConnected {
                    isConnected = true
                    board.arrived(number, at: now)
                } else if board.isAwaited(in: part) {
                    board.arrived(number, at: now)
                }
                return !board.isOver.load(ordering: .relaxed)
            }
        } catch {
            board.fail("\(error)")
        }
    }
}

/// Where watchers note when an event arrived.
// Safe: a watcher writes its own place only, and the writer reads them after all have counted themselves.
final class ArrivalBoard: @unchecked Sendable {
    let isOver = Atomic(false)
    private let watchers: Int
    private let times: UnsafeMutablePointer<Int64>
    private let count = Atomic(0)
    private let outcome = Monitor((isComplete: false, failure: String?.none))
    private let awaited = Mutex<(marker: [UInt8], start: TimeSpan)>(([], .zero))

    init(watchers: Int) {
        self.watchers = watchers
        times = .allocate(capacity: watchers)
        times.initialize(repeating: 0, count: watchers)
    }

    deinit { times.deallocate() }

    /// The next event is the one with this marker, and is sent now.
    func begin(_ marker: [UInt8]) {
        count.store(0, ordering: .relaxed)
        outcome.change { $0.isComplete = false }
        awaited.withLock { $0 = (marker, MachineClock.monotonic) }
    }

    func isAwaited(in part: UnsafeRawBufferPointer) -> Bool {
        let marker = awaited.withLock { $0.marker }
        guard let first = marker.first, part.count >= marker.count else { return false }
        return (0...(part.count - marker.count)).contains { start in
            part[start] == first && part[start..<(start + marker.count)].elementsEqual(marker)
        }
    }

    func arrived(_ watcher: Int, at time: TimeSpan) {
        times[watcher] = time.nanoseconds
        let total = count.add(1, ordering: .acquiringAndReleasing).newValue
        if total == watchers { outcome.change { $0.isComplete = true } }
    }

    func fail(_ text: String) { outcome.change { $0.failure = $0.failure ?? text } }

    func awaitAll(_ what: String) throws {
        let failure = outcome.wait(atMost: .seconds(60)) { outcome -> String?? in
            if let failure = outcome.failure { return .some(failure) }
            return outcome.isComplete ? .some(nil) : nil
        }
        switch failure {
        case .some(.some(let text)): throw BenchmarkError(text)
        case .some(.none): return
        case .none:
            isOver.store(true, ordering: .relaxed)
            throw BenchmarkError(
                "only \(count.load(ordering: .relaxed)) of \(watchers) watchers did \(what) within a minute")
        }
    }

    /// How long the last event took to each watcher.
    var milliseconds: [Double] {
        let start = awaited.withLock { $0.start.nanoseconds }
        return (0..<watchers).map { Double(times[$0] - start) / 1e6 }
    }
}
