import Model

/// What objects the words of a command name.
struct Targets: Sendable, Equatable {
    /// Objects of one type; all of them when `names` is empty.
    struct Group: Sendable, Equatable {
        var type: ResourceType
        var names: [String] = []
    }
    var groups: [Group] = []

    /// Reads `TYPE`, `TYPE,TYPE`, `TYPE NAME...`, `TYPE/NAME...`, or `all`.
    ///
    /// - Throws: `UsageError` that names the types there are.
    init(_ words: [String]) throws(UsageError) {
        guard let first = words.first else {
            throw UsageError(message: "say what: a type such as `apps` or `pods`, or TYPE/NAME")
        }
        if words.contains(where: { $0.contains("/") }) {
            for word in words { try addSlashed(word) }
            return
        }
        var types: [ResourceType] = []
        for word in first.split(separator: ",") { types += try Self.types(String(word)) }
        guard types.count == 1 || words.count == 1 else {
            throw UsageError(message: "names cannot follow several types; write TYPE/NAME for each")
        }
        groups = types.map { Group(type: $0, names: Array(words.dropFirst())) }
    }

    private mutating func addSlashed(_ word: String) throws(UsageError) {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw UsageError(message: "\"\(word)\" is not of the form TYPE/NAME")
        }
        let type = try Self.type(parts[0])
        if let index = groups.firstIndex(where: { $0.type == type }) {
            groups[index].names.append(parts[1])
        } else {
            groups.append(Group(type: type, names: [parts[1]]))
        }
    }

    private static func types(_ word: String) throws(UsageError) -> [ResourceType] {
        if word == "all" { return ResourceType.all.filter { $0.categories.contains("all") } }
        return [try type(word)]
    }

    /// The type that a word means.
    static func type(_ word: String) throws(UsageError) -> ResourceType {
        if let type = ResourceType.meant(by: word) { return type }
        let known = ResourceType.all.flatMap { [$0.plural, $0.singular] }
        let nearest = nearestName(to: word.lowercased(), among: known).map { "; did you mean \"\($0)\"?" } ?? ""
        let names = ResourceType.all.map(\.plural).joined(separator: ", ")
        throw UsageError(message: "there is no type \"\(word)\"\(nearest) (types: \(names))")
    }
}
