/// Whether a history could have been made by registers that change in one instant each, between the call and the answer
/// of each operation (Herlihy & Wing, "Linearizability", TOPLAS 1990).
public enum Linearizability {
    /// Why a history is not linearizable; nil when it is.
    ///
    /// Linearizability is local: a history is linearizable exactly if that of each key is, so each is looked at by itself.
    ///
    /// - Parameters:
    ///   - operations: in any order.
    ///   - initial: what keys hold at the start; those that are missing hold nothing.
    public static func violation(of operations: [Operation], initial: [String: String] = [:]) -> String? {
        let byKey = Dictionary(grouping: operations, by: \.key)
        for key in byKey.keys.sorted() {
            var search = LinearizationSearch(byKey[key] ?? [], initial: initial[key])
            if let problem = search.violation() { return "\(key) is not linearizable: \(problem)" }
        }
        return nil
    }
}

/// The search for an order of one key's operations: depth first, going back where nothing fits, and never twice to one
/// state (Wing & Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for linearizability", 2017).
///
/// Operations without an answer may be placed at any time or never, so each of them doubles what there is to search. Three
/// things keep that small: a state that was reached with fewer of them need not be searched again with more; one that
/// changes nothing is not placed; and of those that do the same only the first is tried.
struct LinearizationSearch {
    /// Which of the answered operations were placed, and what the register held then.
    private struct State: Hashable {
        /// All answered operations before this one are placed, itself is not.
        var first: Int
        /// The answered operations placed beyond it, in rising order.
        var further: [Int32]
        var register: String?
    }

    /// One step of the order: what was placed, and what else may be tried in its stead.
    private struct Step {
        var state: State
        /// The unanswered operations placed, in rising order.
        var used: [Int32]
        var candidates: [Int]
        var next = 0

        var placed: Int { state.first + state.further.count + used.count }
    }

    /// The answered operations by call, then the unanswered ones by call.
    private let operations: [Operation]
    /// The same with one value in the place of all that nobody has seen: to the register they are alike.
    private let likes: [Operation]
    /// How many are answered.
    private let answered: Int
    private let initial: String?
    /// The ways in which states were reached, by the unanswered operations that it took.
    private var seen: [State: [[Int32]]] = [:]

    init(_ operations: [Operation], initial: String?) {
        let known = operations.filter { $0.answered != nil }.sorted { $0.called < $1.called }
        let unknown = operations.filter { $0.answered == nil && !$0.isRead }.sorted { $0.called < $1.called }
        self.operations = known + unknown
        answered = known.count
        self.initial = initial
        let visible = Set(self.operations.compactMap(\.valueItKnows) + [initial].compactMap { $0 })
        likes = self.operations.map { $0.hidingValues(except: visible) }
    }

    /// Why there is no order; nil when there is one.
    mutating func violation() -> String? {
        let start = State(first: 0, further: [], register: initial)
        var steps = [Step(state: start, used: [], candidates: candidates(of: start, []))]
        var deepest = steps[0]
        while let step = steps.last {
            if step.state.first == answered { return nil }
            if step.placed > deepest.placed { deepest = step }
            guard step.next < step.candidates.count else {
                steps.removeLast()
                continue
            }
            steps[steps.count - 1].next += 1
            if let next = advanced(step, by: step.candidates[step.next]) { steps.append(next) }
        }
        return explanation(of: deepest)
    }

    /// What may come next: whatever was called before the first answer among those that are not placed yet. Those without
    /// an answer come last: most often they are not needed.
    private func candidates(of state: State, _ used: [Int32]) -> [Int] {
        var soonest = UInt64.max
        var found: [Int] = []
        for index in state.first..<answered {
            guard operations[index].called <= soonest else { break }
            guard !state.further.contains(Int32(index)) else { continue }
            soonest = min(soonest, operations[index].answered ?? .max)
            found.append(index)
        }
        found.removeAll { operations[$0].called > soonest }
        var tried: Set<Operation.Effect> = []
        for index in answered..<operations.count where operations[index].called <= soonest {
            if !used.contains(Int32(index)), tried.insert(likes[index].effect).inserted { found.append(index) }
        }
        return found
    }

    /// The step that places an operation; nil where it does not fit, or leads to what was searched already.
    private mutating func advanced(_ step: Step, by index: Int) -> Step? {
        guard let register = likes[index].applied(to: step.state.register) else { return nil }
        var next = step
        next.state.register = register.value
        if index >= answered {
            guard register.value != step.state.register else { return nil }
            next.used.insert(Int32(index), at: next.used.firstIndex { $0 > Int32(index) } ?? next.used.count)
        } else {
            let further = next.state.further
            next.state.further.insert(Int32(index), at: further.firstIndex { $0 > Int32(index) } ?? further.count)
            while next.state.further.first == Int32(next.state.first) {
                next.state.further.removeFirst()
                next.state.first += 1
            }
        }
        let ways = seen[next.state] ?? []
        guard !ways.contains(where: { Self.isSubset($0, of: next.used) }) else { return nil }
        seen[next.state] = ways.filter { !Self.isSubset(next.used, of: $0) } + [next.used]
        next.candidates = candidates(of: next.state, next.used)
        next.next = 0
        return next
    }

    /// Whether a rising list is part of another.
    private static func isSubset(_ part: [Int32], of whole: [Int32]) -> Bool {
        guard part.count <= whole.count else { return false }
        var place = whole.startIndex
        for element in part {
            while place < whole.endIndex, whole[place] < element { place += 1 }
            guard place < whole.endIndex, whole[place] == element else { return false }
            place += 1
        }
        return true
    }

    private func explanation(of step: Step) -> String {
        let waiting = step.candidates.prefix(16).map { "  \(operations[$0])" }
        return "after \(step.placed) of \(operations.count) operations the register holds "
            + "\(step.state.register ?? "nothing"), and none of these can come next:\n"
            + waiting.joined(separator: "\n")
    }
}

extension Operation {
    fileprivate var isRead: Bool { if case .read = effect { true } else { false } }

    /// The value that it must find, or that an answer told.
    fileprivate var valueItKnows: String? {
        switch effect {
        case .read(let value): value
        case .swap(_, let expected, _), .deleteIf(let expected, _): expected
        case .create, .replace, .put, .delete: nil
        }
    }

    /// The operation with one value in the place of every value that it writes and nobody knows.
    fileprivate func hidingValues(except visible: Set<String>) -> Operation {
        let shown = { (value: String) in visible.contains(value) ? value : "what nobody has seen" }
        var hidden = self
        switch effect {
        case .put(let value): hidden.effect = .put(shown(value))
        case .create(let value, let verdict): hidden.effect = .create(shown(value), verdict)
        case .replace(let value, let verdict): hidden.effect = .replace(shown(value), verdict)
        case .swap(let value, let expected, let verdict):
            hidden.effect = .swap(shown(value), expected: expected, verdict)
        case .read, .delete, .deleteIf: break
        }
        return hidden
    }
}
