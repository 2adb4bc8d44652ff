/// Reads the lines that HAProxy writes about requests, wherever they are torn.
public struct RequestLogReader {
    /// The beginning of a line whose end has not come.
    private var rest: [UInt8] = []
    private var names = RequestNames()
    /// The longest line that is waited for.
    private static let limit = 65_536

    /// Makes the state before anything was read.
    public init() {}

    /// Takes in bytes and returns the requests whose lines are whole. What is no request is passed over.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) -> [RequestRecord] {
        var records: [RequestRecord] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            let record = rest.isEmpty ? RequestLog.record(line, &names) : finish(line)
            if let record { records.append(record) }
            start = end + 1
        }
        rest += bytes[start...]
        if rest.count > Self.limit { rest = [] }
        return records
    }

    /// Reads a line of which the beginning came earlier.
    private mutating func finish(_ end: UnsafeRawBufferPointer) -> RequestRecord? {
        var line: [UInt8] = []
        swap(&line, &rest)
        line += end
        return line.withUnsafeBytes { RequestLog.record($0, &names) }
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
