/// A request, or a connection of a TCP port, that HAProxy has finished with: one line of its log.
public struct RequestRecord: Sendable, Hashable {
    /// The backend that served it; the frontend's name when none did.
    public var backend: String
    /// The server, a pod's identity; `<NOSRV>` when none was chosen.
    public var server: String
    /// The status; 0 for TCP, -1 when the client went before there was one.
    public var status: Int
    /// How many milliseconds it waited for a pod; -1 when it did not get to that.
    public var queued: Int
    /// How many milliseconds connecting to the pod took; -1 when it did not.
    public var connected: Int
    /// How many milliseconds the pod took to answer; -1 when it did not.
    public var answered: Int
    /// How many milliseconds all of it took, from its first byte to the last of the answer.
    public var total: Int
    /// How many further tries there were.
    public var retries: Int
    /// Whether another pod was tried.
    public var isRedispatched: Bool
    /// How it ended: HAProxy's termination state, `--` first when all went well.
    public var termination: String
    /// How many bytes came from the client.
    public var bytesIn: Int
    /// How many bytes went to the client.
    public var bytesOut: Int
    /// When it ended, in seconds since 1970.
    public var second: Int

    /// Whether a pod was chosen for it.
    public var hasServer: Bool { !server.hasPrefix("<") }

    /// Whether it counts as an error of its pod: a status of 500 to 599 other than 501 and 505, or no answer for a reason
    /// that is the pod's.
    public var isServerError: Bool {
        guard hasServer else { return false }
        // What waited in a queue in vain says nothing of the pod.
        if termination.dropFirst().first == "Q" { return false }
        if status == 0 { return ["S", "s"].contains(termination.first) && termination.dropFirst().first == "C" }
        return RequestRecord.isError(status: status)
    }

    /// Whether a status counts as an error of whoever answers with it.
    public static func isError(status: Int) -> Bool { (500...599).contains(status) && status != 501 && status != 505 }

    /// How long its user waited for the answer, where that means something: not for upgraded connections.
    public var latency: Int? { status >= 200 && total >= 0 ? total : nil }
}

/// HAProxy's log as this package has it written: fields with one space between, none of which can hold one.
public enum RequestLog {
    /// The `log-format` of HTTP.
    public static let httpFormat = "%b %s %ST %Tw %Tc %Tr %Ta %rc %tsc %U %B %[date]"
    /// The `log-format` of TCP; it has no status.
    public static let tcpFormat = "%b %s 0 %Tw %Tc -1 %Tt %rc %ts %U %B %[date]"

    /// Reads a line; nil for what HAProxy says beside requests.
    public static func record(_ line: some Sequence<UInt8>) -> RequestRecord? {
        Array(line).withUnsafeBufferPointer { bytes in
            var fields = LogFields(bytes)
            return fields.record()
        }
    }
}

/// Goes through a line, field after field: there is a line for each request of the node.
private struct LogFields {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func record() -> RequestRecord? {
        guard let backend = text(), let server = text(), let status = integer(), let queued = integer(),
            let connected = integer(), let answered = integer(), let total = integer()
        else { return nil }
        let isRedispatched = position < bytes.count && bytes[position] == 0x2B
        guard let retries = integer(), let termination = text(), let bytesIn = integer(), let bytesOut = integer(),
            let second = integer(), position > bytes.count
        else { return nil }
        return RequestRecord(
            backend: backend, server: server, status: status, queued: queued, connected: connected,
            answered: answered, total: total, retries: retries, isRedispatched: isRedispatched,
            termination: termination, bytesIn: bytesIn, bytesOut: bytesOut, second: second)
    }

    /// The next field, and past the space after it; nil where there is none.
    private mutating func field() -> UnsafeBufferPointer<UInt8>? {
        guard position <= bytes.count else { return nil }
        let start = position
        while position < bytes.count, bytes[position] != 0x20 { position += 1 }
        defer { position += 1 }
        return UnsafeBufferPointer(rebasing: bytes[start..<position])
    }

    private mutating func text() -> String? { field().map { String(decoding: $0, as: UTF8.self) } }

    /// A number, with or without a sign.
    private mutating func integer() -> Int? {
        guard let field = field(), let first = field.first else { return nil }
        let digits = first == 0x2D || first == 0x2B ? field.dropFirst() : field[...]
        guard (1...18).contains(digits.count) else { return nil }
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return first == 0x2D ? -value : value
    }
}

/// Cuts a stream of lines with their lengths before them into lines (RFC 6587 section 3.4.1).
public struct LogFrames: Sendable {
    private var buffer: [UInt8] = []
    /// Whether the stream held something that is no length; it cannot be read on.
    public private(set) var isBroken = false
    /// The longest line that is believed.
    private static let limit = 65_536

    /// Makes the state of a new stream.
    public init() {}

    /// Takes in bytes and returns the lines that are whole.
    public mutating func take(_ bytes: some Sequence<UInt8>) -> [ArraySlice<UInt8>] {
        buffer += bytes
        var lines: [ArraySlice<UInt8>] = []
        var position = 0
        while !isBroken, let space = buffer[position...].firstIndex(of: 0x20) {
            guard let length = Int(String(decoding: buffer[position..<space], as: UTF8.self)),
                (0...Self.limit).contains(length)
            else {
                isBroken = true
                break
            }
            let end = space + 1 + length
            guard end <= buffer.count else { break }
            lines.append(buffer[(space + 1)..<end])
            position = end
        }
        if buffer.count - position > Self.limit + 16 { isBroken = true }
        buffer.removeFirst(position)
        return lines
    }
}
