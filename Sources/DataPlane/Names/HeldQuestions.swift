import Glibc
import Linux
import Model
import Threads

/// Takes the questions that come to the DNS server while it is started again, and has the new one answer them: nobody is
/// refused, and nobody waits for his second try.
///
/// Of several UDP sockets on one address the kernel gives packets to the one that was bound last (all of them have SO_REUSEADDR).
/// So this one gets them from the moment it is made, and no more once the new server has bound its own.
final class HeldQuestions {
    private static let port: UInt16 = 53
    /// How many questions are held at most; the kernel's buffer holds few more.
    private static let limit = 256

    private let address: String
    private let socket: UDPSocket

    /// Begins to take questions that come to an address.
    init(address: String) throws(LinuxError) {
        self.address = address
        socket = try UDPSocket()
        try socket.share()
        try socket.bind(address, Self.port)
    }

    /// A question on its way: whose it is, and the socket by which the server is asked.
    private struct Asked {
        var from: sockaddr_in
        var socket: UDPSocket
    }

    /// Waits until a server answers, asks it what was held, and gives the answers to those who asked. Gives up after a time.
    func answer(within limit: TimeSpan) throws(LinuxError) {
        let deadline = MachineClock.monotonic + limit
        let own = try UDPSocket()
        try own.connect(address, Self.port)
        guard try isAnswered(by: own, until: deadline) else { return }
        var asked: [Asked] = []
        while asked.count < Self.limit, let (question, from) = socket.receive() {
            // What this asked before the server was there came back here.
            if from.sin_port == own.localPort { continue }
            let asking = try UDPSocket()
            try asking.connect(address, Self.port)
            try asking.send(question)
            asked.append(Asked(from: from, socket: asking))
        }
        while !asked.isEmpty, MachineClock.monotonic < deadline {
            _ = awaitReadable(asked[0].socket.raw, milliseconds: 10)
            asked.removeAll { one in
                guard let (answer, _) = one.socket.receive() else { return false }
                socket.send(answer, to: one.from)
                return true
            }
        }
    }

    /// Asks for a name that every server of ours knows not to exist, until an answer comes.
    private func isAnswered(by own: UDPSocket, until deadline: TimeSpan) throws(LinuxError) -> Bool {
        // A header with one question, and `svc.` of type A: RFC 1035, section 4.1.
        let question: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x73, 0x76, 0x63, 0, 0, 1, 0, 1]
        while MachineClock.monotonic < deadline {
            try? own.send(question)
            if awaitReadable(own.raw, milliseconds: 5), own.receive() != nil { return true }
        }
        return false
    }
}

/// A UDP socket of IPv4 that never waits.
private final class UDPSocket {
    let raw: Int32

    init() throws(LinuxError) {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        raw = try systemCall("socket") { socket(AF_INET, type, 0) }
    }

    deinit { close(raw) }

    /// Lets others be bound to the same address.
    func share() throws(LinuxError) {
        var on: Int32 = 1
        try systemCall("setsockopt") {
            setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    func bind(_ address: String, _ port: UInt16) throws(LinuxError) {
        try systemCall("bind", path: address) { Self.with(address, port) { Glibc.bind(raw, $0, $1) } }
    }

    func connect(_ address: String, _ port: UInt16) throws(LinuxError) {
        try systemCall("connect", path: address) { Self.with(address, port) { Glibc.connect(raw, $0, $1) } }
    }

    /// The port of this side, in the network's order.
    var localPort: UInt16 {
        var own = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(raw, $0, &length) }
        }
        return own.sin_port
    }

    func send(_ bytes: [UInt8]) throws(LinuxError) {
        try systemCall("send") { Glibc.send(raw, bytes, bytes.count, 0) }
    }

    func send(_ bytes: [UInt8], to target: sockaddr_in) {
        var target = target
        withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(raw, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// What came, and from where; nil when nothing did. An error that a packet sent before caused is passed over.
    func receive() -> (bytes: [UInt8], from: sockaddr_in)? {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var from = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(raw, &buffer, buffer.count, 0, $0, &length)
            }
        }
        return count >= 0 ? (Array(buffer[..<count]), from) : nil
    }

    private static func with<Result>(
        _ address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &target.sin_addr)
        return withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
