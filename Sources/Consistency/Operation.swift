/// One call of one client on one key, as the client saw it.
///
/// A key is a register: it holds a value, or nothing. Values are texts; histories whose writes all write different texts
/// are checked the most sharply, because then a value tells which write it came from.
public struct Operation: Sendable, Hashable {
    /// What was asked for, and what the answer was.
    public enum Effect: Sendable, Hashable {
        /// The register was read; nil when nothing was there.
        case read(String?)
        /// A value was put where nothing was; refused when something was there.
        case create(String, Verdict)
        /// The value that was there was replaced, whatever it was; refused when nothing was there.
        case replace(String, Verdict)
        /// A value was put, whether or not something was there.
        case put(String)
        /// The value was replaced if it was still the expected one; refused when it was not.
        case swap(String, expected: String, Verdict)
        /// What was there was removed; refused when nothing was there.
        case delete(Verdict)
        /// The value was removed if it was still the expected one; refused when it was not.
        case deleteIf(String, Verdict)
    }

    /// What became of a change that has a condition.
    public enum Verdict: Sendable, Hashable {
        case done, refused
    }

    /// Who called: shown in explanations.
    public var client: String
    /// The register.
    public var key: String
    /// When the client called, on a clock that never goes back.
    public var called: UInt64
    /// When the answer came, on the same clock. Nil when none came: the change may have happened at any moment since the
    /// call, or may yet happen, or never. Of such an operation the effect says what would be if it happened; its verdict
    /// is of no meaning, and a read tells nothing.
    public var answered: UInt64?
    /// What was asked for, and what the answer was.
    public var effect: Effect
    /// The store's revision that the answer told, where it told one.
    public var revision: UInt64?

    /// Makes an operation.
    public init(
        client: String = "", key: String, called: UInt64, answered: UInt64?, effect: Effect, revision: UInt64? = nil
    ) {
        self.client = client
        self.key = key
        self.called = called
        self.answered = answered
        self.effect = effect
        self.revision = revision
    }
}

extension Operation {
    /// What the register holds after the operation, if it may happen while the register holds `value`; nil if it may not.
    func applied(to value: String?) -> Register? {
        let isKnown = answered != nil
        switch effect {
        case .read(let seen): return !isKnown || seen == value ? Register(value: value) : nil
        case .put(let new): return Register(value: new)
        case .create(let new, let verdict): return change(value, to: new, if: value == nil, verdict, isKnown)
        case .replace(let new, let verdict): return change(value, to: new, if: value != nil, verdict, isKnown)
        case .swap(let new, let expected, let verdict):
            return change(value, to: new, if: value == expected, verdict, isKnown)
        case .delete(let verdict): return change(value, to: nil, if: value != nil, verdict, isKnown)
        case .deleteIf(let expected, let verdict):
            return change(value, to: nil, if: value == expected, verdict, isKnown)
        }
    }

    private func change(
        _ value: String?, to new: String?, if holds: Bool, _ verdict: Verdict, _ isKnown: Bool
    ) -> Register? {
        // Without an answer a change that its condition forbids is the same as none at all.
        if !isKnown { return holds ? Register(value: new) : nil }
        guard holds == (verdict == .done) else { return nil }
        return Register(value: holds ? new : value)
    }
}

/// What a key holds.
struct Register: Hashable {
    var value: String?
}

extension Operation: CustomStringConvertible {
    /// The operation as one line for people.
    public var description: String {
        let time = "[\(called), \(answered.map(String.init) ?? "?")]"
        let told = revision.map { " at \($0)" } ?? ""
        return "\(time) \(client) \(key): \(effect.text)\(answered == nil ? ", no answer" : told)"
    }
}

extension Operation.Effect {
    fileprivate var text: String {
        switch self {
        case .read(let value): "read \(value ?? "nothing")"
        case .create(let value, let verdict): "create \(value), \(verdict)"
        case .replace(let value, let verdict): "replace by \(value), \(verdict)"
        case .put(let value): "put \(value)"
        case .swap(let value, let expected, let verdict): "swap \(expected) for \(value), \(verdict)"
        case .delete(let verdict): "delete, \(verdict)"
        case .deleteIf(let expected, let verdict): "delete if \(expected), \(verdict)"
        }
    }
}
