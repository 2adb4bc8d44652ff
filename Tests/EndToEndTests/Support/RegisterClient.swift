import Client
import Consistency
import Model
import TestSupport
import Threads

/// One client that reads and writes registers at random, and records each call and its answer.
struct RegisterClient {
    let traffic: Traffic
    let name: String
    private var random: SplitMix64
    private var api: (any APIClient)?
    private var generation = 0
    private var written = 0
    /// What it read last, for changes that hold only while nobody else has written.
    private var known: [String: (value: String, version: String)] = [:]

    init(_ traffic: Traffic, number: Int, seed: UInt64) {
        self.traffic = traffic
        name = "c\(number)"
        random = SplitMix64(seed: seed &+ UInt64(number) &* 7919)
    }

    /// Goes on until the run is over.
    mutating func run() {
        while !traffic.isOver {
            if api == nil {
                guard let next = traffic.server(after: generation, isWatcher: false) else { return }
                generation = next.generation
                api = try? CurlClient(next.config)
            }
            if let api { step(api) }
        }
    }

    /// How a call ended.
    private enum Answer {
        case document(JSONValue)
        /// 404, or 409: what the call rested on does not hold.
        case refused
        /// Nobody knows what happened.
        case none
    }

    private mutating func step(_ api: any APIClient) {
        let key = Traffic.keys.randomElement(using: &random) ?? ""
        written += 1
        let value = "\(name)-\(written)"
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8: read(api, key)
        case 8..<11:
            change(key, .create(value, .done), .create(value, .refused)) {
                try api.create(.configMap, namespace: Traffic.namespace, Traffic.document(key, value))
            }
        case 11..<13: replace(api, key, value)
        case 13..<17: swap(api, key, value)
        case 17:
            change(key, .delete(.done), .delete(.refused)) {
                try api.delete(.configMap, namespace: Traffic.namespace, name: key)
            }
        case 18: deleteKnown(api, key)
        default: deleteGroup(api)
        }
    }

    private mutating func read(_ api: any APIClient, _ key: String) {
        let called = monotonicNanoseconds()
        let answer = ask { try api.get(.configMap, namespace: Traffic.namespace, name: key) }
        let answered = monotonicNanoseconds()
        let value: String?
        switch answer {
        case .none: return
        case .refused: value = nil
        case .document(let document):
            value = document.registerValue
            if let value, let version = document.version { known[key] = (value, version) }
        }
        traffic.record(Operation(client: name, key: key, called: called, answered: answered, effect: .read(value)))
    }

    private mutating func replace(_ api: any APIClient, _ key: String, _ value: String) {
        change(key, .replace(value, .done), .replace(value, .refused)) {
            try api.update(.configMap, namespace: Traffic.namespace, name: key, Traffic.document(key, value))
        }
    }

    private mutating func swap(_ api: any APIClient, _ key: String, _ value: String) {
        guard let (expected, version) = known[key] else { return read(api, key) }
        let effect = { Operation.Effect.swap(value, expected: expected, $0) }
        change(key, effect(.done), effect(.refused)) {
            try api.update(
                .configMap, namespace: Traffic.namespace, name: key,
                Traffic.document(key, value, version: version))
        }
    }

    private mutating func deleteKnown(_ api: any APIClient, _ key: String) {
        guard let (expected, version) = known[key] else { return read(api, key) }
        change(key, .deleteIf(expected, .done), .deleteIf(expected, .refused)) {
            try api.request(
                "DELETE", "/api/v1/namespaces/\(Traffic.namespace)/configmaps/\(key)",
                ["kind": "DeleteOptions", "apiVersion": "v1", "preconditions": ["resourceVersion": .string(version)]])
        }
    }

    private mutating func change(
        _ key: String, _ done: Operation.Effect, _ refused: Operation.Effect, _ call: () throws -> JSONValue
    ) {
        let called = monotonicNanoseconds()
        let answer = ask(call)
        var operation = Operation(
            client: name, key: key, called: called, answered: monotonicNanoseconds(), effect: done)
        switch answer {
        case .none: operation.answered = nil
        case .refused: operation.effect = refused
        case .document(let document):
            operation.revision = document.version.flatMap { UInt64($0) }
            if let value = document.registerValue, let version = document.version { known[key] = (value, version) }
        }
        traffic.record(operation)
    }

    /// Deletes the registers of the group in one transaction: for those that it does not name, a read of nothing.
    private mutating func deleteGroup(_ api: any APIClient) {
        let called = monotonicNanoseconds()
        let answer = ask {
            try api.request(
                "DELETE", "/api/v1/namespaces/\(Traffic.namespace)/configmaps?labelSelector=group%3Dg",
                ["kind": "DeleteOptions", "apiVersion": "v1"])
        }
        let answered = monotonicNanoseconds()
        var gone: Set<String>?
        if case .document(let list) = answer {
            gone = Set((list["items"]?.array ?? []).compactMap { $0["metadata"]?["name"]?.string })
        }
        for key in Traffic.keys where Traffic.isOfGroup(key) {
            let effect: Operation.Effect = gone.map { $0.contains(key) } ?? true ? .delete(.done) : .read(nil)
            traffic.record(
                Operation(
                    client: name, key: key, called: called, answered: gone == nil ? nil : answered, effect: effect))
        }
    }

    private mutating func ask(_ call: () throws -> JSONValue) -> Answer {
        do {
            return .document(try call())
        } catch ClientError.status(404, _, _, _), ClientError.status(409, _, _, _) {
            return .refused
        } catch ClientError.unreachable {
            api = nil
        } catch {
            traffic.record(surprise: "\(name): \(error)")
        }
        return .none
    }
}
