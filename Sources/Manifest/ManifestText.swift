import Model
import YAML

/// One document of a text: its content, and the tree that knows the places.
struct ManifestTree {
    var value: JSONValue
    var node: YAMLNode
}

/// Tells YAML and JSON apart and reads either.
enum ManifestText {
    static func read(
        _ bytes: [UInt8], isJSON: Bool, limits: YAMLLimits
    ) -> (documents: [ManifestTree], errors: [YAMLError]) {
        let start = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        if bytes.count <= limits.bytes, isJSON || start == UInt8(ascii: "{") {
            do throws(JSONError) {
                let value = try JSONValue(parsing: bytes, maximumDepth: limits.depth)
                return ([ManifestTree(value: value, node: places(of: value, bytes, limits))], [])
            } catch {
                // Flow-style YAML starts with a brace too.
                if isJSON { return ([], [YAMLError(mark(of: error.offset, in: bytes), error.message)]) }
            }
        }
        return readYAML(bytes, limits)
    }

    private static func readYAML(
        _ bytes: [UInt8], _ limits: YAMLLimits
    ) -> (documents: [ManifestTree], errors: [YAMLError]) {
        let stream = YAML.read(bytes, limits: limits)
        var errors = stream.errors
        let documents = stream.documents.map { ManifestTree(value: $0.json(errors: &errors), node: $0) }
        return (documents.filter { !$0.value.isNull }, errors)
    }

    /// JSON is YAML but for a few escapes; where these keep it from being read as YAML, only the start is known.
    private static func places(of value: JSONValue, _ bytes: [UInt8], _ limits: YAMLLimits) -> YAMLNode {
        let stream = YAML.read(bytes, limits: limits)
        if stream.errors.isEmpty, let node = stream.documents.first { return node }
        return YAMLNode(.scalar(YAMLScalar("", isPlain: true)), mark: YAMLMark(line: 1, column: 1))
    }

    private static func mark(of offset: Int, in bytes: [UInt8]) -> YAMLMark {
        let before = bytes.prefix(offset)
        let line = before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count + 1
        return YAMLMark(line: line, column: column)
    }
}

extension ManifestReader {
    /// The documents of a YAML or JSON text as they are, of any shape and unchecked: patches, for example.
    ///
    /// - Returns: the documents, and what is wrong with the text as `LINE:COLUMN: MESSAGE`.
    public static func values(
        in bytes: [UInt8], limits: YAMLLimits = YAMLLimits()
    ) -> (values: [JSONValue], errors: [String]) {
        let stream = ManifestText.read(bytes, isJSON: false, limits: limits)
        return (stream.documents.map(\.value), stream.errors.map(\.description))
    }
}
