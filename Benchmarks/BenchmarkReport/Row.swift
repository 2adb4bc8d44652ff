public import Model

/// One line of a benchmark's result: a figure of ours beside the peer's, both of the same run of the benchmark.
public struct Row: Sendable, Hashable {
    /// The benchmark it belongs to: `api`.
    public var name: String
    /// What was measured: `durable writes, 32 clients`.
    public var work: String
    /// Who it is compared with: `etcd 3.4.23`; empty when nobody does the same.
    public var peer: String
    /// Our median; nil when only the peer was measured.
    public var ours: Double?
    /// The peer's median; nil when there is no peer.
    public var theirs: Double?
    /// `s`, `ms`, `MB`, `1/s`.
    public var unit: String
    /// How often ours was measured, or theirs where only that was.
    public var runs: Int

    /// Ours divided by theirs; nil where one is missing or theirs is nothing.
    public var ratio: Double? {
        guard let ours, let theirs, theirs != 0 else { return nil }
        return ours / theirs
    }

    /// The line as `hack/bench --json` prints it.
    public var json: JSONValue {
        [
            "name": .string(name), "work": .string(work), "peer": .string(peer),
            "ours": ours.map(rounded) ?? .null, "theirs": theirs.map(rounded) ?? .null, "unit": .string(unit),
            "ratio": ratio.map(rounded) ?? .null, "runs": .integer(Int64(runs)),
        ]
    }
}

/// Brings measurements together: one line for each benchmark and work, in the order in which they first came, with medians.
public func rows(from samples: [Sample]) -> [Row] {
    var order: [Sample] = []
    var groups: [[String]: [Sample]] = [:]
    for sample in samples {
        let key = [sample.name, sample.work]
        if groups[key] == nil { order.append(sample) }
        groups[key, default: []].append(sample)
    }
    return order.map { first in
        let group = groups[[first.name, first.work]] ?? []
        let ours = group.filter { $0.side == .ours }.map(\.value)
        let theirs = group.filter { $0.side == .theirs }
        return Row(
            name: first.name, work: first.work, peer: theirs.first?.peer ?? "", ours: median(ours),
            theirs: median(theirs.map(\.value)), unit: first.unit, runs: ours.isEmpty ? theirs.count : ours.count)
    }
}

/// The number with four significant digits: more would be noise.
private func rounded(_ value: Double) -> JSONValue {
    let short = significant(value, digits: 4)
    if short.magnitude < 1e15, short == short.rounded() { return .integer(Int64(short)) }
    return .number(short)
}
