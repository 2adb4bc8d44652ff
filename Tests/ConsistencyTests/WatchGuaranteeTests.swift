import Consistency
import Testing

/// One way in which a watch may go wrong, and the guarantees that it breaks.
struct Tampering: CustomTestStringConvertible, Sendable {
    var name: String
    var breaks: Set<WatchGuarantee>
    var tamper: @Sendable (inout WatchRecord) -> Void
    var testDescription: String { name }

    init(_ name: String, _ breaks: Set<WatchGuarantee>, _ tamper: @escaping @Sendable (inout WatchRecord) -> Void) {
        self.name = name
        self.breaks = breaks
        self.tamper = tamper
    }
}

@Suite struct `the nine guarantees of watches` {
    /// Three keys; revision 4 changes two at once.
    static let log = ChangeLog([
        .init(revision: 1, key: "a", value: "a1"), .init(revision: 2, key: "b", value: "b2"),
        .init(revision: 3, key: "a", value: "a3"), .init(revision: 4, key: "a", value: nil),
        .init(revision: 4, key: "c", value: "c4"), .init(revision: 5, key: "b", value: "b5"),
        .init(revision: 6, key: "a", value: "a6"), .init(revision: 7, key: "c", value: nil),
    ])

    private static func at(_ revision: UInt64) -> WatchRecord.Delivery {
        .changes(log.changes.filter { $0.revision == revision && $0.key != "b" })
    }

    /// What a watcher of `a` and `c` is told over two connections.
    static let faithful = WatchRecord(
        name: "w", scope: { $0 != "b" },
        connections: [
            .init(after: 0, [at(1), at(3), .bookmark(3), at(4)]), .init(after: 5, [.bookmark(5), at(6), at(7)]),
        ], awaited: 7)

    static let tamperings = [
        Tampering("two deliveries change places", [.ordered, .resumable]) {
            $0.connections[0].deliveries = [at(3), at(1), .bookmark(3), at(4)]
        },
        Tampering("a change comes again", [.unique, .atomic]) { $0.connections[0].deliveries.append(at(4)) },
        Tampering("the next connection tells a change again", [.unique, .ordered, .atomic, .resumable]) {
            $0.connections[1].deliveries.insert(at(3), at: 0)
        },
        Tampering("half of a transaction is missing", [.atomic, .reliable]) {
            $0.connections[0].deliveries[3] = .changes([log.changes[3]])
        },
        Tampering("a transaction comes in two parts", [.atomic]) {
            $0.connections[0].deliveries[3...] = [.changes([log.changes[3]]), .changes([log.changes[4]])]
        },
        Tampering("a change in the middle is missing", [.reliable, .bookmarkable]) {
            $0.connections[0].deliveries.remove(at: 1)
        },
        Tampering("the last change is missing", [.reliable]) { $0.connections[1].deliveries.removeLast() },
        Tampering("a value is another", [.reliable]) {
            $0.connections[1].deliveries[1] = .changes([
                Change(key: "a", revision: 6, kind: .added, value: "z", before: .nothing)
            ])
        },
        Tampering("the first change after a resumption is missing", [.resumable]) {
            $0.connections[1].deliveries.remove(at: 1)
        },
        Tampering("a connection begins before what it was asked for", [.resumable, .unique, .atomic]) {
            $0.connections[1].deliveries.insert(at(4), at: 0)
        },
        Tampering("a bookmark is ahead of the changes", [.bookmarkable]) {
            $0.connections[1].deliveries[0] = .bookmark(6)
        },
        Tampering("a change comes after its bookmark", [.bookmarkable]) {
            $0.connections[0].deliveries = [at(1), .bookmark(3), at(3), at(4)]
        },
        Tampering("the value before is another", [.prevKV]) {
            $0.connections[0].deliveries[1] = .changes([
                Change(key: "a", revision: 3, kind: .modified, value: "a3", before: .value("z"))
            ])
        },
        Tampering("a modification is told as an addition", [.isCreate]) {
            $0.connections[0].deliveries[1] = .changes([
                Change(key: "a", revision: 3, kind: .added, value: "a3", before: .value("a1"))
            ])
        },
        Tampering("another key's change comes", [.filter, .atomic, .reliable]) {
            $0.connections[1].deliveries.insert(.changes([log.changes[5]]), at: 0)
            $0.connections[1].after = 4
        },
    ]

    @Test func `hold for a watch that tells everything`() {
        #expect(WatchGuarantee.violations(of: [Self.faithful], in: Self.log).isEmpty)
    }

    @Test func `hold for a watch that tells nothing of what came before`() {
        var record = Self.faithful
        for connection in record.connections.indices {
            record.connections[connection].deliveries = record.connections[connection].deliveries.map { delivery in
                guard case .changes(var changes) = delivery else { return delivery }
                for index in changes.indices { changes[index].before = .untold }
                return .changes(changes)
            }
        }
        #expect(WatchGuarantee.violations(of: [record], in: Self.log).isEmpty)
    }

    @Test(arguments: [2, 1])
    func `hold for a watch that goes on from a transaction and tells all of it again`(told: Int) {
        var record = Self.faithful
        record.connections[0].deliveries[3] = .changes(Array(Self.log.changes[3..<3 + told]))
        record.connections[1].after = 4
        record.connections[1].deliveries.insert(Self.at(4), at: 0)
        #expect(WatchGuarantee.violations(of: [record], in: Self.log).isEmpty)
        record.connections[1].deliveries[0] = .changes([Self.log.changes[3]])
        #expect(!WatchGuarantee.violations(of: [record], in: Self.log).isEmpty, "half of it is told again")
    }

    @Test(arguments: [[], [at(4)], [.changes([log.changes[3]])]])
    func `hold for a watch that goes on from a transaction more than once`(_ between: [WatchRecord.Delivery]) {
        var record = Self.faithful
        record.connections[1].after = 4
        record.connections[1].deliveries.insert(Self.at(4), at: 0)
        record.connections.insert(.init(after: 4, between), at: 1)
        #expect(WatchGuarantee.violations(of: [record], in: Self.log).isEmpty)
    }

    @Test(arguments: tamperings) func `are seen to be broken when`(_ tampering: Tampering) {
        var record = Self.faithful
        tampering.tamper(&record)
        let broken = WatchGuarantee.allCases.filter { !$0.violations(of: record, in: Self.log).isEmpty }
        #expect(tampering.breaks.isSubset(of: broken), "only \(broken)")
    }

    @Test func `are each broken by some tampering`() {
        #expect(Self.tamperings.reduce(into: Set()) { $0.formUnion($1.breaks) } == Set(WatchGuarantee.allCases))
    }
}
