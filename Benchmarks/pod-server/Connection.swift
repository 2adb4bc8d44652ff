import Glibc

/// A client's connection: requests without bodies.
struct Connection {
    let descriptor: Int32
    let serial: Int
    private var buffer: [UInt8] = []

    init(descriptor: Int32, serial: Int) {
        self.descriptor = descriptor
        self.serial = serial
    }

    /// Reads what has come; false when the other side has gone.
    mutating func receive() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 8) { bytes in
            let count = read(descriptor, bytes.baseAddress, bytes.count)
            if count > 0 { buffer.append(contentsOf: bytes[..<count]) }
            return count > 0 || count < 0 && errno == EAGAIN
        }
    }

    /// The milliseconds until the answer of the next request that is whole; nil when there is none.
    mutating func next() -> Int? {
        guard let end = endOfHead else { return nil }
        defer { if end == buffer.count { buffer.removeAll(keepingCapacity: true) } else { buffer.removeFirst(end) } }
        var delay = 0
        guard buffer.starts(with: Self.slow) else { return delay }
        for digit in buffer[Self.slow.count..<end].prefix(6).prefix(while: { (0x30...0x39).contains($0) }) {
            delay = delay * 10 + Int(digit - 0x30)
        }
        return delay
    }

    private static let slow = Array("GET /slow/".utf8)

    /// Where the empty line ends.
    private var endOfHead: Int? {
        buffer.withUnsafeBufferPointer { bytes in
            var newlines = 0
            for index in bytes.indices {
                switch bytes[index] {
                case 0x0A: newlines += 1
                case 0x0D: continue
                default: newlines = 0
                }
                if newlines == 2 { return index + 1 }
            }
            return nil
        }
    }

    private static let body = String(repeating: "martlet ", count: 16)
    private static let staying = Array(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    private static let closing = Array(
        ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8)

    /// Answers one request. An answer is smaller than any socket's buffer.
    func answer(closing isLast: Bool) {
        let bytes = isLast ? Self.closing : Self.staying
        _ = write(descriptor, bytes, bytes.count)
    }
}
