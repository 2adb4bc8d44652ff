import PKI

/// How a manifest names an image, taken apart.
struct ImageReference: Sendable, Hashable {
    /// What a path leads to.
    enum Transport: String, Sendable {
        case layout = "oci"
        case layoutArchive = "oci-archive"
        case dockerArchive = "docker-archive"
    }
    /// Where the image is.
    enum Location: Sendable, Hashable {
        /// In a file or directory of this machine. The first colon after the path starts the tag, so that tags may
        /// be whole names (`registry.example.com/web:1.0`), as the tools that write layouts have them.
        case source(Transport, path: String, tag: String?)
        /// A directory that is the image.
        case directory(String)
        /// In the store, by the first digits of its identity.
        case identity(prefix: String)
        /// In the store or in a registry, by name.
        case name(String)
    }
    /// As it was written.
    let text: String
    /// Where the image is.
    let location: Location
    /// The digest it was pinned to.
    let digest: Digest?

    /// Parses a reference.
    init(parsing text: String) throws(RuntimeError) {
        guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw RuntimeError(.invalid, "image reference is empty, longer than 4096 bytes or has control characters")
        }
        self.text = text
        if text.hasPrefix("sha256:") {
            location = .identity(prefix: try Self.identityPrefix(text))
            digest = nil
            return
        }
        let (rest, pinned) = try Self.splitDigest(text)
        digest = pinned
        location = try Self.location(of: rest, in: text, pinned: pinned != nil)
    }

    private static func identityPrefix(_ text: String) throws(RuntimeError) -> String {
        let digits = text.dropFirst(7)
        guard (1...64).contains(digits.utf8.count), isHex(digits) else {
            throw RuntimeError(.invalid, "image \"\(text)\": expected up to 64 lower-case hexadecimal digits")
        }
        return String(digits)
    }

    private static func splitDigest(_ text: String) throws(RuntimeError) -> (Substring, Digest?) {
        guard let at = text.lastIndex(of: "@") else { return (text[...], nil) }
        let suffix = text[text.index(after: at)...]
        if let digest = Digest(suffix) { return (text[..<at], digest) }
        if suffix.hasPrefix("sha") {
            throw RuntimeError(.invalid, "image \"\(text)\": \"\(suffix)\" is not a sha256 digest of 64 digits")
        }
        return (text[...], nil)
    }

    private static func location(of rest: Substring, in text: String, pinned: Bool) throws(RuntimeError) -> Location {
        guard let colon = rest.firstIndex(of: ":") else {
            let isIdentity = rest.utf8.count >= 4 && rest.utf8.count <= 64 && isHex(rest) && !pinned
            return isIdentity ? .identity(prefix: String(rest)) : .name(String(rest))
        }
        let remainder = rest[rest.index(after: colon)...]
        if rest[..<colon] == "rootfs" {
            guard !pinned else {
                throw RuntimeError(.invalid, "image \"\(text)\": a directory has no digest; leave out the @sha256:...")
            }
            return .directory(try absolute(remainder, in: text))
        }
        guard let transport = Transport(rawValue: String(rest[..<colon])) else { return .name(String(rest)) }
        guard let second = remainder.firstIndex(of: ":") else {
            return .source(transport, path: try absolute(remainder, in: text), tag: nil)
        }
        let tag = remainder[remainder.index(after: second)...]
        guard !tag.isEmpty else { throw RuntimeError(.invalid, "image \"\(text)\": the tag is empty") }
        return .source(transport, path: try absolute(remainder[..<second], in: text), tag: String(tag))
    }

    private static func absolute(_ path: Substring, in text: String) throws(RuntimeError) -> String {
        guard path.hasPrefix("/") else {
            throw RuntimeError(
                .invalid, "image \"\(text)\": the path \"\(path)\" is relative; write it as an absolute path")
        }
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}

/// Whether a text consists of lower-case hexadecimal digits.
private func isHex(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { byte in
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
