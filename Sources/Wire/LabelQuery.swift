public import Model

/// A label selector as text: requirements that must all hold (Kubernetes "Labels and Selectors").
public struct LabelQuery: Hashable, Sendable {
    /// One requirement.
    public enum Requirement: Hashable, Sendable {
        /// `key in (a, b)`, `key = a`: the label is one of the values.
        case isIn(String, [String])
        /// `key notin (a, b)`, `key != a`: the label is absent or none of the values.
        case isNotIn(String, [String])
        /// `key`: the label is there.
        case exists(String)
        /// `!key`: the label is absent.
        case isAbsent(String)
    }

    /// Why a text is not a label selector.
    public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, in lower case without a full stop.
        public var description: String
    }

    /// The requirements, in writing order.
    public var requirements: [Requirement]

    /// Parses a selector; an empty one matches everything.
    public init(_ text: String) throws(ParseError) {
        var parser = LabelQueryParser(text)
        requirements = try parser.requirements()
    }

    /// Whether labels fulfil every requirement.
    public func matches(_ labels: JSONObject?) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .isIn(let key, let values): labels?[key]?.string.map { values.contains($0) } ?? false
            case .isNotIn(let key, let values): labels?[key]?.string.map { !values.contains($0) } ?? true
            case .exists(let key): labels?[key] != nil
            case .isAbsent(let key): labels?[key] == nil
            }
        }
    }
}

private struct LabelQueryParser {
    private enum Token: Equatable {
        case word(String)
        case symbol(String)
    }

    private let text: String
    private var tokens: ArraySlice<Token> = []

    init(_ text: String) {
        self.text = text
        tokens = Self.tokens(of: text)[...]
    }

    mutating func requirements() throws(LabelQuery.ParseError) -> [LabelQuery.Requirement] {
        var result: [LabelQuery.Requirement] = []
        guard !tokens.isEmpty else { return result }
        repeat { result.append(try requirement()) } while take(",")
        guard tokens.isEmpty else { throw failure("expected a comma between requirements") }
        return result
    }

    private mutating func requirement() throws(LabelQuery.ParseError) -> LabelQuery.Requirement {
        if take("!") { return .isAbsent(try key()) }
        let key = try key()
        if take("=") || take("==") { return .isIn(key, [value()]) }
        if take("!=") { return .isNotIn(key, [value()]) }
        if take(word: "in") { return .isIn(key, try values()) }
        if take(word: "notin") { return .isNotIn(key, try values()) }
        return .exists(key)
    }

    private mutating func key() throws(LabelQuery.ParseError) -> String {
        guard case .word(let word)? = tokens.popFirst() else { throw failure("expected a label's name") }
        return word
    }

    /// A value; nothing stands for the empty value.
    private mutating func value() -> String {
        guard case .word(let word)? = tokens.first else { return "" }
        tokens.removeFirst()
        return word
    }

    private mutating func values() throws(LabelQuery.ParseError) -> [String] {
        guard take("(") else { throw failure("expected ( before the values") }
        var values: [String] = []
        repeat { values.append(value()) } while take(",")
        guard take(")") else { throw failure("expected ) after the values") }
        return values
    }

    private mutating func take(_ symbol: String) -> Bool { take(.symbol(symbol)) }
    private mutating func take(word: String) -> Bool { take(.word(word)) }
    private mutating func take(_ token: Token) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }

    private func failure(_ message: String) -> LabelQuery.ParseError {
        LabelQuery.ParseError(description: "unable to parse label selector \"\(text)\": \(message)")
    }

    private static func tokens(of text: String) -> [Token] {
        var tokens: [Token] = []
        var word = ""
        func flush() {
            if !word.isEmpty { tokens.append(.word(word)) }
            word = ""
        }
        for character in text {
            switch character {
            case " ", "\t", "\n": flush()
            case "=":
                flush()
                switch tokens.last {
                case .symbol("!"): tokens[tokens.count - 1] = .symbol("!=")
                case .symbol("="): tokens[tokens.count - 1] = .symbol("==")
                default: tokens.append(.symbol("="))
                }
            case ",", "(", ")", "!":
                flush()
                tokens.append(.symbol(String(character)))
            default: word.append(character)
            }
        }
        flush()
        return tokens
    }
}
