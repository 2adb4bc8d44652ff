/// The target of a request line (RFC 9112 section 3.2), decoded.
package struct RequestTarget: Equatable {
    package var path: String
    package var query: [(name: String, value: String)]

    /// Splits and decodes a target; nil when its escapes are not `%` and two digits, or do not spell UTF-8 without NUL.
    package init?(_ target: String) {
        var bytes = Array(target.utf8)[...]
        if !bytes.starts(with: [UInt8(ascii: "/")]) { bytes = RequestTarget.withoutAuthority(bytes) }
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        guard let path = RequestTarget.decode(bytes[..<(mark ?? bytes.endIndex)], plusIsSpace: false) else {
            return nil
        }
        self.path = path
        query = []
        guard let mark else { return }
        for pair in bytes[(mark + 1)...].split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = RequestTarget.decode(parts[0], plusIsSpace: true),
                let value = RequestTarget.decode(parts.count > 1 ? parts[1] : [], plusIsSpace: true)
            else { return nil }
            query.append((name, value))
        }
    }

    package static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.path == right.path && left.query.elementsEqual(right.query, by: ==)
    }

    /// Proxies ask for `http://host/path`; what counts is the path.
    private static func withoutAuthority(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        for scheme in ["http://", "https://"] where bytes.starts(with: scheme.utf8) {
            let rest = bytes.dropFirst(scheme.utf8.count)
            return rest.firstIndex(of: UInt8(ascii: "/")).map { rest[$0...] } ?? ArraySlice("/".utf8)
        }
        return bytes
    }

    private static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            var byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
                else { return nil }
                byte = high << 4 | low
                index += 2
                guard byte != 0 else { return nil }
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                byte = UInt8(ascii: " ")
            }
            decoded.append(byte)
            index += 1
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        default: nil
        }
    }
}
