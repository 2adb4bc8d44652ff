/// Builds the trees of a stream's documents, follows aliases and merge keys, and keeps the limits.
struct YAMLComposer {
    /// What a value takes, aliases expanded.
    private struct Weight {
        var nodes = 1
        var bytes = 0
        /// Levels of sequences and mappings; none for a scalar.
        var height = 0

        /// Adds what is inside a sequence or mapping.
        mutating func add(_ inner: Weight) {
            nodes += inner.nodes
            bytes += inner.bytes
            height = max(height, inner.height + 1)
        }
    }

    private let reader: YAMLEventReader
    private let limits: YAMLLimits
    private var anchors: [String: (node: YAMLNode, weight: Weight)] = [:]
    private var openAnchors: Set<String> = []
    private var total = Weight(nodes: 0)
    /// Mistakes that do not keep the rest of the stream from being read.
    private(set) var errors: [YAMLError] = []

    init(_ reader: YAMLEventReader, limits: YAMLLimits) {
        self.reader = reader
        self.limits = limits
    }

    /// The next document; nil at the end of the stream.
    mutating func document() throws(YAMLError) -> YAMLNode? {
        while true {
            let event = try reader.next()
            switch event.kind {
            case .streamEnd: return nil
            case .documentStart:
                anchors = [:]
                return try node(try reader.next(), depth: 0).node
            default: continue
            }
        }
    }

    private mutating func node(
        _ event: YAMLEvent, depth: Int
    ) throws(YAMLError) -> (node: YAMLNode, weight: Weight) {
        if case .alias(let name) = event.kind { return try alias(name, at: event.mark, depth: depth) }
        if let anchor = event.anchor { openAnchors.insert(anchor) }
        let result: (node: YAMLNode, weight: Weight)
        switch event.kind {
        case .scalar(let text, let isPlain, let length):
            let weight = Weight(bytes: length)
            try charge(weight, at: event.mark)
            result = (YAMLNode(.scalar(try scalar(text, isPlain, event)), mark: event.mark), weight)
        case .sequenceStart:
            try charge(Weight(), at: event.mark)
            result = try sequence(event, depth: depth + 1)
        case .mappingStart:
            try charge(Weight(), at: event.mark)
            result = try mapping(event, depth: depth + 1)
        default: throw YAMLError(event.mark, "expected a value")
        }
        if let anchor = event.anchor {
            openAnchors.remove(anchor)
            anchors[anchor] = result
        }
        return result
    }

    /// Counts a value against the limits before it is kept.
    private mutating func charge(_ weight: Weight, at mark: YAMLMark) throws(YAMLError) {
        total.nodes += weight.nodes
        total.bytes += weight.bytes
        if total.nodes > limits.nodes {
            throw YAMLError(mark, "more than \(limits.nodes) values, aliases expanded")
        }
        if total.bytes > limits.expandedBytes {
            throw YAMLError(mark, "more than \(limits.expandedBytes) bytes of text, aliases expanded")
        }
    }

    private mutating func alias(
        _ name: String, at mark: YAMLMark, depth: Int
    ) throws(YAMLError) -> (node: YAMLNode, weight: Weight) {
        guard let (node, weight) = anchors[name] else {
            let message =
                openAnchors.contains(name)
                ? "alias *\(name) stands inside what it stands for" : "no anchor &\(name) before this alias"
            throw YAMLError(mark, message)
        }
        try charge(weight, at: mark)
        try checkDepth(depth + weight.height, at: mark)
        return (YAMLNode(node.content, mark: mark), weight)
    }

    private func checkDepth(_ depth: Int, at mark: YAMLMark) throws(YAMLError) {
        if depth > limits.depth { throw YAMLError(mark, "nested deeper than \(limits.depth) levels") }
    }

    private mutating func scalar(_ text: String, _ isPlain: Bool, _ event: YAMLEvent) throws(YAMLError) -> YAMLScalar {
        if text.utf8.count > limits.scalarBytes {
            throw YAMLError(event.mark, "a text of more than \(limits.scalarBytes) bytes")
        }
        switch event.tag {
        case nil: return YAMLScalar(text, isPlain: isPlain)
        case "!", "tag:yaml.org,2002:str": return YAMLScalar(text, isPlain: false)
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null":
            return YAMLScalar(text, isPlain: true)
        case let tag?:
            errors.append(Self.unknownTag(tag, event.mark))
            return YAMLScalar(text, isPlain: false)
        }
    }

    private static func unknownTag(_ tag: String, _ mark: YAMLMark) -> YAMLError {
        YAMLError(
            mark, "tag \(tag) is not supported; known tags are !!str, !!int, !!float, !!bool, !!null, !!map and !!seq")
    }

    private mutating func sequence(
        _ start: YAMLEvent, depth: Int
    ) throws(YAMLError) -> (node: YAMLNode, weight: Weight) {
        try checkDepth(depth, at: start.mark)
        if let tag = start.tag, tag != "tag:yaml.org,2002:seq", tag != "!" {
            errors.append(Self.unknownTag(tag, start.mark))
        }
        var elements: [YAMLNode] = []
        var weight = Weight(height: 1)
        while true {
            let event = try reader.next()
            if case .sequenceEnd = event.kind { break }
            let (element, elementWeight) = try node(event, depth: depth)
            elements.append(element)
            weight.add(elementWeight)
        }
        return (YAMLNode(.sequence(elements), mark: start.mark), weight)
    }

    private mutating func mapping(
        _ start: YAMLEvent, depth: Int
    ) throws(YAMLError) -> (node: YAMLNode, weight: Weight) {
        try checkDepth(depth, at: start.mark)
        if let tag = start.tag, tag != "tag:yaml.org,2002:map", tag != "!" {
            errors.append(Self.unknownTag(tag, start.mark))
        }
        var entries: [YAMLEntry] = []
        var places: [String: YAMLMark] = [:]
        var merges: [YAMLNode] = []
        var weight = Weight(height: 1)
        while true {
            let event = try reader.next()
            if case .mappingEnd = event.kind { break }
            let keyNode = try node(event, depth: depth).node
            let (value, valueWeight) = try node(try reader.next(), depth: depth)
            weight.add(valueWeight)
            guard let key = key(keyNode) else { continue }
            weight.bytes += key.utf8.count
            if key == "<<", keyNode.scalar?.isPlain == true {
                merges += merged(value, at: event.mark)
            } else if let first = places[key] {
                errors.append(YAMLError(event.mark, "duplicate key \"\(key)\"; it is already set at \(first)"))
            } else {
                places[key] = event.mark
                entries.append(YAMLEntry(key: key, keyMark: event.mark, value: value))
            }
        }
        for entry in merges.flatMap({ $0.entries ?? [] }) where places[entry.key] == nil {
            places[entry.key] = entry.keyMark
            entries.append(entry)
        }
        return (YAMLNode(.mapping(entries), mark: start.mark), weight)
    }

    /// The text of a key; nil, with an error noted, for anything but a string.
    private mutating func key(_ node: YAMLNode) -> String? {
        guard let scalar = node.scalar else {
            errors.append(
                YAMLError(
                    node.mark, "a key must be a string, and this is a \(node.entries == nil ? "list" : "mapping")"))
            return nil
        }
        if case .string = scalar.meaning { return scalar.text }
        let shown = scalar.text.isEmpty ? "nothing" : scalar.text
        errors.append(YAMLError(node.mark, "a key must be a string, found \(shown); quote it: \"\(scalar.text)\""))
        return nil
    }

    /// The mappings that a merge key names (https://yaml.org/type/merge.html).
    private mutating func merged(_ value: YAMLNode, at mark: YAMLMark) -> [YAMLNode] {
        let nodes = value.elements ?? [value]
        if nodes.contains(where: { $0.entries == nil }) {
            errors.append(YAMLError(mark, "the merge key << takes a mapping or a list of mappings"))
        }
        return nodes
    }
}
