/// The path of an archive's entry below the directory that it is unpacked into.
///
/// Names are bytes: tar knows no encoding, and Linux takes anything but `/` and NUL.
struct ArchivePath: Sendable, Hashable {
    /// A path has at most so many components: removing a tree holds a descriptor a level.
    static let maximumDepth = 256
    /// `PATH_MAX`.
    static let maximumBytes = 4096

    /// The components; none for the directory itself.
    private(set) var components: [[UInt8]]

    /// Takes a path apart. Leading slashes mean the directory itself; `.` is dropped, `..` is refused wherever it is.
    init(_ bytes: [UInt8]) throws(RuntimeError) {
        components = bytes.split(separator: UInt8(ascii: "/")).map { Array($0) }.filter { $0 != [UInt8(ascii: ".")] }
        let isUnsafe = components.contains { $0 == Array("..".utf8) || $0.count > 255 || $0.contains(0) }
        guard !isUnsafe, bytes.count <= Self.maximumBytes, components.count <= Self.maximumDepth else {
            throw RuntimeError(.badImage, "unsafe path in an archive: \"\(PathText.encode(Array(bytes.prefix(200))))\"")
        }
    }

    private init(components: [[UInt8]]) { self.components = components }

    /// The directory that the path is in.
    var parent: ArchivePath { ArchivePath(components: Array(components.dropLast())) }
    /// The last component; nil for the directory itself.
    var last: [UInt8]? { components.last }
    /// The path with other last component.
    func sibling(_ name: [UInt8]) -> ArchivePath { ArchivePath(components: components.dropLast() + [name]) }
    /// The path of the first components.
    func prefix(_ count: Int) -> ArchivePath { ArchivePath(components: Array(components.prefix(count))) }
    /// The path's bytes without a leading slash.
    var bytes: [UInt8] { Array(components.joined(separator: [UInt8(ascii: "/")])) }
    /// As system calls take it, relative to the directory.
    var cString: [CChar] { components.isEmpty ? Array(".".utf8CString) : ContainerRuntime.cString(bytes) }
    /// As messages and reports have it.
    var text: String { PathText.encode(bytes) }
}

/// Bytes as a C string. They must not contain NUL.
func cString(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

/// Paths as printable text that loses nothing: what is not printable ASCII, and `%`, becomes `%XX`.
enum PathText {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        let text = bytes.flatMap { byte -> [UInt8] in
            let isPlain = byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "%")
            return isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil for anything that `encode` does not write.
    static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap({ digits.firstIndex(of: $0) }),
                let low = rest.popFirst().flatMap({ digits.firstIndex(of: $0) })
            else { return nil }
            result.append(UInt8(high << 4 | low))
        }
        return result
    }
}
