import Consistency
import TestSupport

/// A register that random clients use: each operation takes effect at a random instant between its call and its answer.
/// A tenth of the operations gets no answer, and of these a half takes effect.
struct ModelRegister {
    private var random: SplitMix64
    private var value: String?
    private var revision: UInt64 = 0

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func history(clients: Int, operations count: Int) -> [Operation] {
        var free = [UInt64](repeating: 0, count: clients)
        var drafts: [(called: UInt64, effective: UInt64, answered: UInt64, client: Int, number: Int)] = []
        for number in 0..<count {
            let client = Int.random(in: 0..<clients, using: &random)
            let called = free[client] + UInt64.random(in: 1...30, using: &random)
            let effective = called + UInt64.random(in: 1...20, using: &random)
            let answered = effective + UInt64.random(in: 1...20, using: &random)
            free[client] = answered
            drafts.append((called, effective, answered, client, number))
        }
        return drafts.sorted { ($0.effective, $0.number) < ($1.effective, $1.number) }.map { draft in
            let fate = Int.random(in: 0..<20, using: &random)
            let effect = perform("v\(draft.number)", isLost: fate == 0)
            return Operation(
                client: "client \(draft.client)", key: "k", called: draft.called,
                answered: fate < 2 ? nil : draft.answered, effect: effect, revision: revision)
        }
    }

    private mutating func perform(_ new: String, isLost: Bool) -> Operation.Effect {
        let before = value
        let expected = Bool.random(using: &random) ? value ?? "none" : "other"
        let effect: Operation.Effect
        let after: String?
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: (effect, after) = (.create(new, before == nil ? .done : .refused), before ?? new)
        case 2: (effect, after) = (.put(new), new)
        case 3: (effect, after) = (.replace(new, before != nil ? .done : .refused), before == nil ? nil : new)
        case 4:
            (effect, after) = (
                .swap(new, expected: expected, before == expected ? .done : .refused), before == expected ? new : before
            )
        case 5: (effect, after) = (.delete(before != nil ? .done : .refused), nil)
        case 6:
            (effect, after) = (
                .deleteIf(expected, before == expected ? .done : .refused), before == expected ? nil : before
            )
        default: return .read(before)
        }
        guard !isLost, after != before else { return effect }
        value = after
        revision += 1
        return effect
    }
}
