import CYAML

/// One step of libyaml's parser, with its texts copied out.
struct YAMLEvent {
    enum Kind {
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(String, isPlain: Bool, length: Int)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
        case other
    }
    var kind: Kind
    var anchor: String?
    var tag: String?
    var mark: YAMLMark
}

/// Reads the events of one text. The text must outlive it.
final class YAMLEventReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let source: UnsafeBufferPointer<UInt8>

    /// Makes a reader; nil when memory runs out.
    init?(_ source: UnsafeBufferPointer<UInt8>) {
        parser = .allocate(capacity: 1)
        self.source = source
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, source.baseAddress, source.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event.
    func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { yaml_event_delete(&event) }
        return Self.copy(event)
    }

    private static func copy(_ event: yaml_event_t) -> YAMLEvent {
        var result = YAMLEvent(kind: .other, mark: YAMLMark(event.start_mark))
        switch event.type {
        case YAML_STREAM_END_EVENT: result.kind = .streamEnd
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
        case YAML_ALIAS_EVENT: result.kind = .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(
                String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
                length: scalar.length)
            (result.anchor, result.tag) = (text(scalar.anchor), text(scalar.tag))
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .sequenceStart
            (result.anchor, result.tag) = (text(event.data.sequence_start.anchor), text(event.data.sequence_start.tag))
        case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            result.kind = .mappingStart
            (result.anchor, result.tag) = (text(event.data.mapping_start.anchor), text(event.data.mapping_start.tag))
        case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
        default: break
        }
        return result
    }

    private static func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        bytes.map { String(decodingCString: $0, as: UTF8.self) }
    }

    /// What libyaml found wrong, in words that say what to do where the cause is known.
    private func problem() -> YAMLError {
        let parser = parser.pointee
        switch parser.error {
        case YAML_MEMORY_ERROR: return YAMLError(YAMLMark(line: 1, column: 1), "out of memory")
        case YAML_READER_ERROR:
            // The text is known to be UTF-8, so this is a character that YAML leaves out (YAML 1.2.2 section 5.1).
            let code = String(parser.problem_value, radix: 16, uppercase: true)
            return YAMLError(
                mark(at: parser.problem_offset),
                "character U+\(code) is not allowed; write it as an escape in double quotes")
        default: break
        }
        let place = parser.problem_mark
        if usesTab(line: place.line, upTo: place.column) {
            return YAMLError(YAMLMark(place), "a tab cannot indent YAML; use spaces")
        }
        var message = parser.problem.map { String(cString: $0) } ?? "not YAML"
        if let hint = Self.hints[message] { message += "; \(hint)" }
        if let context = parser.context {
            message += " (\(String(cString: context)) that starts at \(YAMLMark(parser.context_mark)))"
        }
        return YAMLError(YAMLMark(place), message)
    }

    /// The place of a byte.
    private func mark(at offset: Int) -> YAMLMark {
        let before = source.prefix(offset)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count
        return YAMLMark(line: before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }, column: column + 1)
    }

    private static let hints = [
        "mapping values are not allowed in this context": "quote a value that holds ': ', or check the indentation",
        "did not find expected key": "check the indentation, and quote what starts with a special character",
        "did not find expected '-' indicator": "check the indentation of the list",
        "could not find expected ':'": "check the line above for a missing ':' or quote",
        "found character that cannot start any token": "quote what starts with '@', '`' or '%'",
    ]

    /// Whether a tab stands in the indentation of a line, or where the problem is.
    private func usesTab(line: Int, upTo column: Int) -> Bool {
        var start = 0
        var number = 0
        while number < line, start < source.count {
            if source[start] == 0x0A { number += 1 }
            start += 1
        }
        let text = source[start...].prefix { $0 != 0x0A }
        if text.prefix(while: { $0 == 0x20 || $0 == 0x09 }).contains(0x09) { return true }
        let characters = String(decoding: text.prefix(4096), as: UTF8.self).unicodeScalars
        return characters.dropFirst(column).first == "\t"
    }
}

extension YAMLMark {
    /// libyaml counts from 0.
    init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }
}
