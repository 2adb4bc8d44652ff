/// What `show stat` says of a server or of a whole backend.
public struct StatRow: Sendable, Hashable {
    /// The backend.
    public var backend = ""
    /// The server; nil for the backend as a whole.
    public var server: String?
    /// The status in words: `UP`, `no check`, `DRAIN`, `MAINT`, ...
    public var status = ""
    /// The server's address and port.
    public var address = ""
    /// The numbers, by `StatField`.
    public var values = [Int](repeating: 0, count: StatField.allCases.count)

    /// Makes an empty row.
    public init() {}

    /// A number; 0 where HAProxy says none.
    public subscript(_ field: StatField) -> Int {
        get { values[field.index] }
        set { values[field.index] = newValue }
    }
}

/// The numbers of `show stat` that are used, by the names of HAProxy's columns (management guide, section 9.1).
public enum StatField: String, Sendable, CaseIterable {
    case queued = "qcur"
    case inFlight = "scur"
    case limit = "slim"
    case connectErrors = "econ"
    case responseErrors = "eresp"
    case retries = "wretr"
    case redispatches = "wredis"
    case proxyNumber = "iid"
    case number = "sid"

    /// The place in a row.
    var index: Int { Self.places[self] ?? 0 }
    private static let places = Dictionary(uniqueKeysWithValues: zip(allCases, 0...))
}

/// Reads what `show stat` answers: comma-separated values whose first line names the columns.
public enum StatTable {
    /// The rows of servers and backends; none when the columns are not there.
    public static func rows(_ text: [UInt8]) -> [StatRow] {
        text.withUnsafeBufferPointer { bytes in
            var reader = StatReader(bytes)
            return reader.rows()
        }
    }
}

private struct StatReader {
    private enum Column {
        case backend, server, status, address
        case number(Int)
    }
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var columns: [Column?] = []

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func rows() -> [StatRow] {
        guard readHeader() else { return [] }
        var rows: [StatRow] = []
        while position < bytes.count {
            if bytes[position] == 0x0A {
                position += 1
            } else if let row = readRow() {
                rows.append(row)
            }
        }
        return rows
    }

    private mutating func readHeader() -> Bool {
        guard let start = bytes.firstIndex(of: 0x23) else { return false }
        position = start + 2
        while position < bytes.count {
            let (field, isLast) = nextField()
            columns.append(Self.column(String(decoding: bytes[field], as: UTF8.self)))
            if isLast { break }
        }
        return columns.contains { $0 != nil }
    }

    private static func column(_ name: String) -> Column? {
        switch name {
        case "pxname": .backend
        case "svname": .server
        case "status": .status
        case "addr": .address
        default: StatField(rawValue: name).map { .number($0.index) }
        }
    }

    /// Reads a line; nil for one of a frontend.
    private mutating func readRow() -> StatRow? {
        var row = StatRow()
        var column = 0
        while position < bytes.count {
            let (field, isLast) = nextField()
            if column < columns.count, let kind = columns[column], !field.isEmpty { set(kind, field, &row) }
            column += 1
            if isLast { break }
        }
        if row.server == "FRONTEND" { return nil }
        if row.server == "BACKEND" { row.server = nil }
        return row
    }

    private func set(_ column: Column, _ field: Range<Int>, _ row: inout StatRow) {
        switch column {
        case .backend: row.backend = String(decoding: bytes[field], as: UTF8.self)
        case .server: row.server = String(decoding: bytes[field], as: UTF8.self)
        case .status: row.status = String(decoding: bytes[field], as: UTF8.self)
        case .address: row.address = String(decoding: bytes[field], as: UTF8.self)
        case .number(let place):
            var value = 0
            for byte in bytes[field] {
                guard (0x30...0x39).contains(byte) else { return }
                value = value &* 10 &+ Int(byte - 0x30)
            }
            row.values[place] = value
        }
    }

    /// The next field, without its quotes, and whether its line ends there.
    private mutating func nextField() -> (Range<Int>, isLast: Bool) {
        let isQuoted = bytes[position] == 0x22
        let start = isQuoted ? position + 1 : position
        var end = start
        while end < bytes.count, isQuoted ? bytes[end] != 0x22 : (bytes[end] != 0x2C && bytes[end] != 0x0A) { end += 1 }
        position = isQuoted ? min(end + 1, bytes.count) : end
        let isLast = position >= bytes.count || bytes[position] == 0x0A
        position = min(position + 1, bytes.count)
        return (start..<end, isLast)
    }
}

extension ObservedProxy {
    /// Notes what `show stat` says of servers and backends, in place of what was known of them.
    public mutating func note(_ rows: [StatRow]) {
        backends = []
        servers = [:]
        for row in rows {
            guard let server = row.server else {
                backends.insert(row.backend)
                continue
            }
            servers[ServerName(row.backend, server)] = ObservedServer(
                address: row.address, state: ObservedServer.State(row.status), inFlight: row[.inFlight],
                queued: row[.queued], limit: row[.limit] == 0 ? nil : row[.limit], number: row[.number])
        }
    }
}

extension ObservedServer.State {
    /// The state that a status in words means.
    public init(_ status: String) {
        self = status.hasPrefix("MAINT") ? .maintenance : status.hasPrefix("DRAIN") ? .draining : .ready
    }
}
