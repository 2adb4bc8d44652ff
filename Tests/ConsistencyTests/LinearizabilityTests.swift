import Consistency
import Testing

/// A history written down by hand.
struct SmallHistory: CustomTestStringConvertible, Sendable {
    var name: String
    var operations: [Operation]
    var testDescription: String { name }

    init(_ name: String, _ operations: (called: UInt64, answered: UInt64?, effect: Operation.Effect)...) {
        self.name = name
        self.operations = operations.map {
            Operation(key: "k", called: $0.called, answered: $0.answered, effect: $0.effect)
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct `linearizability` {
    static let good = [
        SmallHistory("nothing at all"),
        SmallHistory("a read of nothing", (0, 1, .read(nil))),
        SmallHistory(
            "one after the other", (0, 1, .create("a", .done)), (2, 3, .read("a")), (4, 5, .put("b")),
            (6, 7, .read("b"))),
        SmallHistory(
            "a read during a write sees the old value", (0, 1, .put("a")), (2, 9, .put("b")), (3, 4, .read("a"))),
        SmallHistory(
            "a read during a write sees the new value", (0, 1, .put("a")), (2, 9, .put("b")), (3, 4, .read("b"))),
        SmallHistory(
            "reads during a write see the old value, then the new one",
            (0, 1, .put("a")), (2, 9, .put("b")), (3, 4, .read("a")), (5, 6, .read("b"))),
        SmallHistory("two writes at once, in either order", (0, 9, .put("a")), (0, 9, .put("b")), (10, 11, .read("a"))),
        SmallHistory(
            "of two creations at once one is refused", (0, 9, .create("a", .done)), (0, 9, .create("b", .refused)),
            (10, 11, .read("a"))),
        SmallHistory(
            "of two swaps at once one is refused", (0, 1, .put("a")),
            (2, 9, .swap("b", expected: "a", .done)), (2, 9, .swap("c", expected: "a", .refused)), (10, 11, .read("b"))),
        SmallHistory(
            "what is removed is gone", (0, 1, .put("a")), (2, 3, .delete(.done)), (4, 5, .read(nil)),
            (6, 7, .replace("b", .refused))),
        SmallHistory("a write without an answer happened", (0, 1, .put("a")), (2, nil, .put("b")), (8, 9, .read("b"))),
        SmallHistory(
            "a write without an answer did not happen", (0, 1, .put("a")), (2, nil, .put("b")), (8, 9, .read("a"))),
        SmallHistory(
            "a write without an answer happens late", (0, 1, .put("a")), (2, nil, .put("b")), (5, 6, .read("a")),
            (8, 9, .read("b"))),
        SmallHistory(
            "a deletion without an answer makes room for a creation", (0, 1, .put("a")), (2, nil, .delete(.done)),
            (5, 6, .create("b", .done))),
        SmallHistory(
            "a read without an answer tells nothing", (0, 1, .put("a")), (2, nil, .read("z")), (5, 6, .read("a"))),
        SmallHistory(
            "an unseen write without an answer explains a refusal",
            (0, 1, .put("a")), (2, nil, .put("b")), (5, 6, .swap("c", expected: "a", .refused)), (7, 8, .read("b"))),
    ]

    static let bad = [
        SmallHistory("a stale read", (0, 1, .put("a")), (2, 3, .put("b")), (4, 5, .read("a"))),
        SmallHistory("a read of what nobody wrote", (0, 1, .put("a")), (2, 3, .read("b"))),
        SmallHistory("a read before the write", (0, 1, .read("a")), (2, 3, .put("a"))),
        SmallHistory("a lost write", (0, 1, .create("a", .done)), (2, 3, .read(nil))),
        SmallHistory(
            "a lost update: two swaps of one value", (0, 1, .put("a")),
            (2, 9, .swap("b", expected: "a", .done)), (2, 9, .swap("c", expected: "a", .done))),
        SmallHistory("a write that comes back", (0, 1, .put("a")), (2, 3, .delete(.done)), (4, 5, .read("a"))),
        SmallHistory(
            "an overwritten value that comes back", (0, 1, .put("a")), (2, 3, .put("b")), (4, 5, .read("b")),
            (6, 7, .read("a"))),
        SmallHistory("two creations without a deletion", (0, 9, .create("a", .done)), (0, 9, .create("b", .done))),
        SmallHistory("a refusal without reason", (0, 1, .put("a")), (2, 3, .swap("b", expected: "a", .refused))),
        SmallHistory("a deletion of nothing", (0, 1, .delete(.done))),
        SmallHistory(
            "a refused write that is seen", (0, 1, .put("a")), (2, 3, .create("b", .refused)), (4, 5, .read("b"))),
        SmallHistory(
            "reads during a write see the new value, then the old one",
            (0, 1, .put("a")), (2, 9, .put("b")), (3, 4, .read("b")), (5, 6, .read("a"))),
        SmallHistory(
            "a write without an answer happens twice", (0, 1, .put("a")), (2, nil, .put("b")),
            (3, 4, .read("b")), (5, 6, .put("c")), (7, 8, .read("b"))),
        SmallHistory(
            "a write without an answer is seen before it was called", (0, 1, .put("a")), (2, 3, .read("b")),
            (4, nil, .put("b"))),
        SmallHistory(
            "two readers disagree on the order", (0, 9, .put("a")), (0, 9, .put("b")),
            (10, 11, .read("a")), (12, 13, .read("b"))),
    ]

    @Test(arguments: good) func `holds for`(_ history: SmallHistory) {
        #expect(Linearizability.violation(of: history.operations) == nil)
    }

    @Test(arguments: bad) func `does not hold for`(_ history: SmallHistory) {
        #expect(Linearizability.violation(of: history.operations)?.hasPrefix("k is not linearizable: after") == true)
    }

    @Test func `keys are looked at one by one, from what they held at the start`() {
        let a = Operation(key: "a", called: 0, answered: 1, effect: .read("x"))
        let b = Operation(key: "b", called: 0, answered: 1, effect: .read(nil))
        #expect(Linearizability.violation(of: [a, b], initial: ["a": "x"]) == nil)
        #expect(Linearizability.violation(of: [a, b])?.hasPrefix("a is not") == true)
        #expect(Linearizability.violation(of: [a, b], initial: ["a": "x", "b": "y"])?.hasPrefix("b is not") == true)
    }

    @Test(arguments: UInt64(1)...60) func `random histories of a register hold, damaged ones do not`(_ seed: UInt64) {
        var model = ModelRegister(seed: seed)
        let history = model.history(clients: 5, operations: 60)
        #expect(Linearizability.violation(of: history) == nil)
        #expect(RevisionOrder.violation(of: history) == nil)
        let end = history.compactMap(\.answered).max() ?? 0
        if let stale = overwritten(in: history) {
            let read = Operation(key: "k", called: end + 1, answered: end + 2, effect: .read(stale))
            #expect(Linearizability.violation(of: history + [read]) != nil)
        }
        let unheard = Operation(key: "k", called: end + 1, answered: end + 2, effect: .read("unheard of"))
        #expect(Linearizability.violation(of: history + [unheard]) != nil)
    }

    /// A value whose write was answered before a read began that saw another one: it is gone for good.
    private func overwritten(in history: [Operation]) -> String? {
        for write in history {
            guard let answered = write.answered, case .create(let value, .done) = write.effect else { continue }
            let isGone = history.contains {
                if case .read(let seen) = $0.effect, $0.answered != nil {
                    $0.called > answered && seen != value
                } else {
                    false
                }
            }
            if isGone { return value }
        }
        return nil
    }

    @Test func `a long history of many clients, some of whom get no answer, is checked at once`() {
        var model = ModelRegister(seed: 7)
        #expect(Linearizability.violation(of: model.history(clients: 8, operations: 1500)) == nil)
    }
}

@Suite struct `revisions` {
    private func put(_ value: String, _ called: UInt64, _ answered: UInt64, at revision: UInt64) -> Operation {
        Operation(key: value, called: called, answered: answered, effect: .put(value), revision: revision)
    }

    @Test func `follow real time over all keys`() {
        #expect(RevisionOrder.violation(of: [put("a", 0, 1, at: 1), put("b", 2, 3, at: 2)]) == nil)
        #expect(RevisionOrder.violation(of: [put("a", 0, 5, at: 2), put("b", 2, 3, at: 1)]) == nil)
        let back = RevisionOrder.violation(of: [put("a", 0, 1, at: 2), put("b", 2, 3, at: 1)])
        #expect(back?.hasPrefix("the revisions go back") == true)
    }

    @Test func `are each of one change`() {
        let twice = RevisionOrder.violation(of: [put("a", 0, 5, at: 1), put("b", 0, 5, at: 1)])
        #expect(twice?.hasPrefix("two changes were told revision 1") == true)
    }
}
