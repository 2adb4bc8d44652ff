import Glibc
import Linux

/// A little of DNS, RFC 1035: enough to ask one question and to read the answer.
struct DNSMessage {
    static let (a, ptr, aaaa, srv): (UInt16, UInt16, UInt16, UInt16) = (1, 12, 28, 33)

    /// The answer's code: 0, 2 for a failure, 3 where the name does not exist, 5 for a refusal.
    var code: UInt8
    /// `10.0.0.1` for an address, a name for `PTR`, `NAME:PORT` for `SRV`; sorted.
    var answers: [String]
    /// How long the first answer may be remembered, in seconds.
    var timeToLive: UInt32?

    /// A question for a name.
    static func question(_ name: String, _ type: UInt16, id: UInt16 = 7) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return bytes + [0, 0, UInt8(type), 0, 1]
    }

    /// Reads an answer; nil when it is cut.
    init?(_ bytes: [UInt8]) {
        guard bytes.count > 12 else { return nil }
        code = bytes[3] & 0x0F
        answers = []
        var place = 12
        _ = Self.name(bytes, &place)
        place += 4
        for _ in 0..<bytes[7] {
            _ = Self.name(bytes, &place)
            guard place + 10 <= bytes.count else { return nil }
            let type = UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
            timeToLive = timeToLive ?? bytes[(place + 4)..<(place + 8)].reduce(0) { $0 << 8 | UInt32($1) }
            let length = Int(bytes[place + 8]) << 8 | Int(bytes[place + 9])
            place += 10
            var inside = place
            switch type {
            case Self.a: answers.append(bytes[place..<(place + 4)].map(String.init).joined(separator: "."))
            case Self.ptr: answers.append(Self.name(bytes, &inside))
            case Self.srv:
                let port = Int(bytes[place + 4]) << 8 | Int(bytes[place + 5])
                inside += 6
                answers.append("\(Self.name(bytes, &inside)):\(port)")
            default: break
            }
            place += length
        }
        answers.sort()
    }

    private static func name(_ bytes: [UInt8], _ place: inout Int) -> String {
        var labels: [String] = []
        var here = place
        var hasJumped = false
        while here < bytes.count, bytes[here] != 0 {
            if bytes[here] & 0xC0 == 0xC0 {
                if !hasJumped { place = here + 2 }
                hasJumped = true
                here = Int(bytes[here] & 0x3F) << 8 | Int(bytes[here + 1])
                continue
            }
            let length = Int(bytes[here])
            labels.append(String(decoding: bytes[(here + 1)..<(here + 1 + length)], as: UTF8.self))
            here += 1 + length
        }
        if !hasJumped { place = here + 1 }
        return labels.joined(separator: ".")
    }
}

/// A UDP socket on a loopback address: asks a server, or is one.
final class DNSSocket: Sendable {
    private let raw: Int32

    init(on address: String = "127.0.0.1", port: UInt16 = 0) throws {
        raw = try systemCall("socket") {
            socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        }
        try with(address, port) { bind(raw, $0, $1) }
    }

    deinit { close(raw) }

    /// Asks once; nil when there is no answer within the time.
    func ask(_ server: String, _ name: String, _ type: UInt16 = DNSMessage.a, milliseconds: Int32 = 200) throws
        -> DNSMessage?
    {
        // What came late to an earlier question is no answer to this one.
        while receive(milliseconds: 0) != nil {}
        let question = DNSMessage.question(name, type)
        try with(server, 53) { sendto(raw, question, question.count, 0, $0, $1) }
        return receive(milliseconds: milliseconds).flatMap { DNSMessage($0.bytes) }
    }

    /// Waits for a question, answers that the name does not exist, and returns the name's bytes.
    func refuseOne(milliseconds: Int32) throws -> Bool {
        guard let (bytes, source) = receive(milliseconds: milliseconds) else { return false }
        var answer = bytes
        answer[2] |= 0x80
        answer[3] = 0x83
        var address = source
        let sent = answer
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(raw, sent, sent.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return true
    }

    private func receive(milliseconds: Int32) -> (bytes: [UInt8], source: sockaddr_in)? {
        guard awaitReadable(raw, milliseconds: milliseconds) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var source = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &source) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(raw, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        return count > 0 ? (Array(buffer[..<count]), source) : nil
    }

    private func with<Result: SignedInteger>(
        _ address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) throws {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &target.sin_addr)
        try systemCall("use socket", path: address) {
            withUnsafePointer(to: &target) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }
}
