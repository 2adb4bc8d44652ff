/// A request, or a connection of a TCP port, that HAProxy has finished with: one line of its log.
public struct RequestRecord: Sendable, Hashable {
    /// The backend that served it; the frontend's name when none did.
    public var backend: String
    /// The server, a pod's identity; `<NOSRV>` when none was chosen.
    public var server: String
    /// The status; 0 for TCP, -1 when the client went before there was one.
    public var status: Int
    /// How many milliseconds all of it took, from its first byte to the last of the answer.
    public var total: Int
    /// How it ended: HAProxy's termination state, `--` first when all went well.
    public var termination: String
    /// When it ended, in seconds since 1970; up to two too early.
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

/// HAProxy's log as this package has it written: fields with one space between, none of which can hold one. Only what is used is in
/// it: HAProxy writes it for each request of the node.
enum RequestLog {
    /// The `log-format` of HTTP: backend, server, status, milliseconds, how it ended, and the second in which it began.
    static let httpFormat = "%b %s %ST %Ta %ts %Ts"
    /// The `log-format` of TCP; it has no status.
    static let tcpFormat = "%b %s 0 %Tt %ts %Ts"

    /// Reads a line; nil for what HAProxy says beside requests.
    static func record(_ line: UnsafeRawBufferPointer, _ names: inout RequestNames) -> RequestRecord? {
        var fields = LogFields(line)
        guard fields.field() != nil, fields.field() != nil else { return nil }
        let both = UnsafeRawBufferPointer(rebasing: line.prefix(fields.position - 1))
        guard let status = fields.integer(), let total = fields.integer(), let termination = fields.text(),
            let began = fields.integer(), fields.isAtEnd
        else { return nil }
        let (backend, server) = names.name(both)
        return RequestRecord(
            backend: backend, server: server, status: status, total: total, termination: termination,
            second: began + max(0, total) / 1000)
    }
}

/// Goes through a line, field after field.
private struct LogFields {
    private let bytes: UnsafeRawBufferPointer
    /// Where the next field begins.
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position > bytes.count }

    /// The next field, and past the space after it; nil where there is none.
    mutating func field() -> UnsafeRawBufferPointer? {
        guard position <= bytes.count else { return nil }
        let start = position
        while position < bytes.count, bytes[position] != 0x20 { position += 1 }
        defer { position += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    mutating func text() -> String? { field().map { String(decoding: $0, as: UTF8.self) } }

    /// A number, with or without a sign.
    mutating func integer() -> Int? {
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
