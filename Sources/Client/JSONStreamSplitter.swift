/// Cuts a stream of JSON objects, which arrives in pieces of any size, into its objects. White space between them is
/// allowed and not needed.
struct JSONStreamSplitter {
    /// A stream that holds something else than objects, or one object without end.
    struct Failure: Error, Equatable {
        var message: String
    }

    private let maximumObjectBytes: Int
    private var object: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    init(maximumObjectBytes: Int = 64 << 20) { self.maximumObjectBytes = maximumObjectBytes }

    /// Takes a piece and returns the objects that it completes.
    mutating func append(_ bytes: some Sequence<UInt8>) throws(Failure) -> [[UInt8]] {
        var complete: [[UInt8]] = []
        for byte in bytes where depth > 0 || !isSpace(byte) {
            guard depth > 0 || byte == UInt8(ascii: "{") else { throw Failure(message: "expected a JSON object") }
            object.append(byte)
            if advance(byte) {
                complete.append(object)
                object = []
            }
            guard object.count <= maximumObjectBytes else {
                throw Failure(message: "an object is longer than \(maximumObjectBytes) bytes")
            }
        }
        return complete
    }

    /// Goes one byte on; true at the end of an object.
    private mutating func advance(_ byte: UInt8) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return depth == 0
        default: break
        }
        return false
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x20 || byte == 0x0D || byte == 0x09 }
}
