import BenchmarkReport
import Glibc
import Model
import Synchronization
import Threads

/// `drain`: how many requests fail while pods come and go all the time. One failure is one too many.
func measureDrain(_ options: Options) throws {
    let requests = try options.number("requests", default: 1_000_000)
    let address = try options.text("address")
    let churn = try PodChurn(
        martlet: try options.text("martlet"), kubeconfig: try options.text("kubeconfig"),
        scratch: try options.text("scratch"), other: options.has("other") ? try options.text("other") : nil)
    let proxy = MasterSocket(path: try options.text("master"))
    let before = try proxy.reloads()
    let load = RequestLoad(address: address, requests: requests, repeats: churn.changesApps)
    let clients = try load.start()
    let changes = try churn.change(until: { load.isOver })
    for client in clients { client.join() }
    let failures = load.failures
    let reloads = try proxy.reloads() - before
    progress(
        "\(requests) requests in \(Int(load.seconds)) s, \(load.slow) of them slow; \(changes), \(reloads) reloads of HAProxy"
    )
    for failure in failures.first { tell("    failed: \(failure)") }
    let work = "failed of \(requests) requests, pods come and go" + (churn.changesApps ? ", and Apps" : "")
    emit(Sample(name: "drain", work: work, value: Double(failures.count), unit: "requests"))
    if churn.changesApps {
        let closed = "asked again: their connection was closed while idle"
        emit(Sample(name: "drain", work: closed, value: Double(load.repeated), unit: "requests"))
    }
    guard changes.isEnough else { throw BenchmarkError("drain: too few pods came and went for \(requests) requests") }
    guard failures.count == 0 else { throw BenchmarkError("drain: \(failures.count) of \(requests) requests failed") }
    guard churn.changesApps || reloads == 0 else {
        throw BenchmarkError("drain: HAProxy was reloaded \(reloads) times, which pods that come and go must not need")
    }
}

/// So many requests by clients of three kinds: connections that are kept, connections for each request, and requests whose
/// answers take 50 to 500 ms, so that every pod has some in flight at any time.
final class RequestLoad: Sendable {
    private struct Failures: Sendable {
        var count = 0
        /// The first ones in words.
        var first: [String] = []
    }

    private static let keeping = 24
    private static let connecting = 4
    private static let slow = 12

    private let address: String
    private let requests: Int
    private let repeats: Bool
    private let repeatedOnes = Atomic(0)
    private let taken = Atomic(0)
    private let slowOnes = Atomic(0)
    private let running = Atomic(0)
    private let failed = Mutex(Failures())
    private let begun = MachineTime.now

    /// Prepares the clients.
    ///
    /// - Parameter repeats: whether a request is asked again that met the closing of a connection that waited for it.
    init(address: String, requests: Int, repeats: Bool) {
        self.address = address
        self.requests = requests
        self.repeats = repeats
    }

    /// How many requests were asked again.
    var repeated: Int { repeatedOnes.load(ordering: .relaxed) }

    /// Whether every request has its answer.
    var isOver: Bool { running.load(ordering: .acquiring) == 0 }
    var slow: Int { slowOnes.load(ordering: .relaxed) }
    var failures: (count: Int, first: [String]) { failed.withLock { ($0.count, $0.first) } }
    var seconds: Double { (MachineTime.now - begun) / 1000 }

    func start() throws -> [Thread] {
        let count = Self.keeping + Self.connecting + Self.slow
        running.store(count, ordering: .releasing)
        return try (0..<count).map { number in
            try Thread { [self] in
                run(number)
                running.subtract(1, ordering: .releasing)
            }
        }
    }

    private func run(_ number: Int) {
        guard let client = try? RequestClient(address, port: 8080) else { return }
        let isSlow = number >= Self.keeping + Self.connecting
        // Of the slow ones every other has a connection for each request.
        let closing = isSlow ? number % 2 == 0 : number >= Self.keeping
        while taken.add(1, ordering: .relaxed).newValue <= requests {
            let path = isSlow ? "/slow/\(Int.random(in: 50...500))" : "/"
            if isSlow { slowOnes.add(1, ordering: .relaxed) }
            ask(client, path, closing: closing)
        }
    }

    private func ask(_ client: RequestClient, _ path: String, closing: Bool, isAgain: Bool = false) {
        do {
            try client.request(path, closing: closing)
        } catch {
            if error.isClosedWhileIdle, repeats, !isAgain {
                repeatedOnes.add(1, ordering: .relaxed)
                return ask(client, path, closing: closing, isAgain: true)
            }
            note("at \(Int(seconds)) s: \(error)")
        }
    }

    private func note(_ failure: String) {
        failed.withLock { failures in
            failures.count += 1
            if failures.first.count < 50 { failures.first.append(failure) }
        }
    }
}
