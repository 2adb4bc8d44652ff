import BenchmarkReport

/// `api`: durable writes and reads a second by clients with a connection each, over TLS with client certificates.
func measureAPI(_ options: Options) throws {
    let benchmark = APIBenchmark(
        clients: try options.number("clients", default: 32), seconds: try options.number("seconds", default: 3))
    let sides = try sides(options)
    for run in 1...(try options.number("runs", default: 5)) {
        for (backend, peer) in sides {
            let writes = try benchmark.writes(backend)
            let reads = try benchmark.reads(backend)
            progress("run \(run), \(peer ?? "martlet"): \(Int(writes)) writes/s, \(Int(reads)) reads/s")
            emit(
                Sample(
                    name: "api", work: "durable writes, \(benchmark.clients) clients", peer: peer, value: writes,
                    unit: "1/s"))
            emit(
                Sample(name: "api", work: "reads, \(benchmark.clients) clients", peer: peer, value: reads, unit: "1/s"))
        }
    }
}

/// Ours, and the peer when one is named.
func sides(_ options: Options) throws -> [(backend: any Backend, peer: String?)] {
    let martlet = try Endpoint.martlet(kubeconfig: options.text("kubeconfig"), scratch: options.text("scratch"))
    var sides: [(backend: any Backend, peer: String?)] = [(MartletBackend(endpoint: martlet), nil)]
    if options.has("etcd") {
        let etcd = Endpoint.etcd(url: try options.text("etcd"), pem: try options.text("pem"))
        sides.append((EtcdBackend(endpoint: etcd), try options.text("peer")))
    }
    return sides
}

struct APIBenchmark: Sendable {
    let clients: Int
    let seconds: Int
    /// How many objects each client goes round.
    private static let objects = 16

    func writes(_ backend: any Backend) throws -> Double {
        try Load.requestsPerSecond(clients: clients, seconds: seconds) { client in
            let connection = try Connection(backend.endpoint)
            let names = Self.names(client)
            var documents = names.map(TestObject.init)
            for (name, object) in zip(names, documents) { try backend.create(connection, name, object.document) }
            var number = Int.random(in: 0..<10_000_000)
            return {
                number += 1
                let index = number % Self.objects
                documents[index].mark(number)
                try backend.write(connection, names[index], documents[index].document)
            }
        }
    }

    func reads(_ backend: any Backend) throws -> Double {
        try Load.requestsPerSecond(clients: clients, seconds: seconds) { client in
            let connection = try Connection(backend.endpoint)
            let names = Self.names(client)
            var number = 0
            return {
                number += 1
                try backend.read(connection, names[number % Self.objects])
            }
        }
    }

    private static func names(_ client: Int) -> [String] { (0..<objects).map { "bench-\(client)-\($0)" } }
}
