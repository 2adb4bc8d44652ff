/// Reads the stream that HAProxy writes its log to: lines with their lengths before them (RFC 6587 section 3.4.1).
public struct RequestLogReader {
    private var buffer: [UInt8] = []
    private var names = RequestNames()
    /// Whether the stream held something that is no length; it cannot be read on.
    public private(set) var isBroken = false
    /// The longest line that is believed.
    private static let limit = 65_536

    /// Makes the state of a new stream.
    public init() {}

    /// Takes in bytes and returns the requests whose lines are whole.
    public mutating func take(_ bytes: some Sequence<UInt8>) -> [RequestRecord] {
        var pending: [UInt8] = []
        swap(&pending, &buffer)
        pending.append(contentsOf: bytes)
        let (used, records) = pending.withUnsafeBytes { read($0) }
        pending.removeFirst(used)
        buffer = pending
        return records
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) -> (used: Int, records: [RequestRecord]) {
        var records: [RequestRecord] = []
        var position = 0
        while !isBroken, let space = bytes[position...].firstIndex(of: 0x20) {
            guard let length = Int(String(decoding: bytes[position..<space], as: UTF8.self)),
                (0...Self.limit).contains(length)
            else {
                isBroken = true
                break
            }
            let end = space + 1 + length
            guard end <= bytes.count else { break }
            let line = UnsafeRawBufferPointer(rebasing: bytes[(space + 1)..<end])
            if let record = RequestLog.record(line, &names) { records.append(record) }
            position = end
        }
        if bytes.count - position > Self.limit + 16 { isBroken = true }
        return (position, records)
    }
}

/// The names of backends and servers as they were read before, so that reading them again takes no memory.
struct RequestNames {
    private struct Entry {
        var bytes: [UInt8] = []
        var backend = ""
        var server = ""
    }
    /// By hash; another name with the same one takes the place.
    private var entries = [Entry](repeating: Entry(), count: 1024)

    /// The two names of `BACKEND SERVER`.
    mutating func name(_ bytes: UnsafeRawBufferPointer) -> (backend: String, server: String) {
        let index = Int(Self.hash(bytes) % UInt64(entries.count))
        if !entries[index].bytes.elementsEqual(bytes) {
            let names = bytes.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            entries[index] = Entry(bytes: Array(bytes), backend: names[0], server: names.dropFirst().first ?? "")
        }
        return (entries[index].backend, entries[index].server)
    }

    /// Eight bytes at a time: names of eighty are read thousands of times a second.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0
        func mix(_ value: UInt64) {
            hash = (hash ^ value) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 29
        }
        for offset in stride(from: 0, to: bytes.count & ~7, by: 8) {
            mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        for byte in bytes[(bytes.count & ~7)...] { mix(UInt64(byte)) }
        return hash
    }
}
