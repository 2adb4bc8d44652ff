internal import Glibc

/// A server's URL, taken apart.
struct ServerAddress: Sendable {
    /// Without a slash at the end.
    let url: String
    /// Host and port as the `Host` field has them.
    let authority: String
    /// The path in front of the API's paths, mostly empty.
    let prefix: String
    let isLoopback: Bool

    init(_ text: String) throws(ClientError) {
        var url = text[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        guard let scheme = ["https://", "http://"].first(where: { url.hasPrefix($0) }) else {
            throw .configuration("the server \"\(text)\" is not a URL; write https://HOST:PORT")
        }
        let rest = url.dropFirst(scheme.count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        authority = String(rest[..<slash])
        prefix = String(rest[slash...])
        self.url = String(url)
        guard !authority.isEmpty, !authority.contains(where: \.isWhitespace) else {
            throw .configuration("the server \"\(text)\" is not a URL; write https://HOST:PORT")
        }
        isLoopback = authority.hasPrefix("127.") || authority.hasPrefix("localhost") || authority.hasPrefix("[::1]")
    }
}

/// Percent-encoding (RFC 3986 section 2.1).
public enum PercentEncoding {
    /// Encodes everything but the unreserved characters: safe in a path segment and in a query.
    public static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// A query with its question mark; parameters without a value are left out, and so is an empty query.
    public static func query(_ parameters: [(name: String, value: String?)]) -> String {
        let pairs = parameters.compactMap { name, value in value.map { "\(encode(name))=\(encode($0))" } }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }
}
