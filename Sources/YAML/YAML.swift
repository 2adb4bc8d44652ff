/// Reads YAML 1.2 text into trees that know the line and column of every key and value.
///
/// Nothing a text says makes reading it take more than a bounded amount of memory: see `YAMLLimits`.
public enum YAML {
    /// What a text holds.
    public struct Stream: Sendable {
        /// The documents up to the first syntax error. An empty document is a plain empty scalar.
        public var documents: [YAMLNode] = []
        /// What is wrong, in order of place; the documents are not to be used unless this is empty.
        public var errors: [YAMLError] = []
    }

    /// Reads a text of any number of documents. All duplicate and misplaced keys are found at once; a syntax error or
    /// an exceeded limit ends the reading.
    public static func read(_ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()) -> Stream {
        if bytes.count > limits.bytes {
            let message = "larger than \(limits.bytes) bytes, the most that is read"
            return Stream(errors: [YAMLError(YAMLMark(line: 1, column: 1), message)])
        }
        if let error = encodingError(in: bytes) { return Stream(errors: [error]) }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let start = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
        return bytes.withUnsafeBufferPointer { buffer in
            guard let reader = YAMLEventReader(UnsafeBufferPointer(rebasing: buffer[start...])) else {
                return Stream(errors: [YAMLError(YAMLMark(line: 1, column: 1), "out of memory")])
            }
            return read(YAMLComposer(reader, limits: limits))
        }
    }

    /// Reads a text.
    public static func read(_ text: String, limits: YAMLLimits = YAMLLimits()) -> Stream {
        read(Array(text.utf8), limits: limits)
    }

    private static func read(_ composer: YAMLComposer) -> Stream {
        var composer = composer
        var stream = Stream()
        do throws(YAMLError) {
            while let document = try composer.document() { stream.documents.append(document) }
        } catch {
            stream.errors.append(error)
        }
        stream.errors = (composer.errors + stream.errors).sorted { $0.mark < $1.mark }
        return stream
    }

    /// Finds the first byte that is not UTF-8.
    private static func encodingError(in bytes: [UInt8]) -> YAMLError? {
        if bytes.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) != nil { return nil }
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var (offset, line, column) = (0, 1, 1)
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) {
            offset += scalar.count
            column += 1
            if scalar.first == 0x0A { (line, column) = (line + 1, 1) }
        }
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        let hint = isUTF16 ? "UTF-16 text; save it as UTF-8" : "byte \(offset) is not UTF-8"
        return YAMLError(YAMLMark(line: line, column: column), hint)
    }
}
