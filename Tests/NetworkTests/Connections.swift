import Glibc
import Linux
import Model

@testable import Network

/// A socket that listens for TCP connections in a namespace, on any address unless one is given.
struct Listener: ~Copyable {
    let port: UInt16
    private let socket: Descriptor

    init(in namespace: TestNamespace, on address: IPAddress = .any, port: UInt16 = 0) throws {
        let socket = Descriptor(owning: try namespace.run { () throws(LinuxError) in try openSocket() })
        let raw = socket.raw
        var own = socketAddress(address, port: port)
        try systemCall("bind") { withSocketAddress(&own) { bind(raw, $0, $1) } }
        try systemCall("listen") { listen(raw, 4) }
        self.port = try boundPort(raw)
        self.socket = socket
    }

    /// Takes the next connection.
    func accepted() throws -> Connection {
        let raw = socket.raw
        return Connection(descriptor: try systemCall("accept") { accept(raw, nil, nil) })
    }

    /// The address that the next connection comes from.
    func peer() throws -> IPAddress? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let raw = socket.raw
        let connection = try systemCall("accept") {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(raw, $0, &length) }
            }
        }
        close(connection)
        return IPAddress(bytes: withUnsafeBytes(of: address.sin_addr.s_addr, Array.init))
    }
}

/// A TCP connection.
struct Connection: ~Copyable {
    private let socket: Descriptor

    init(descriptor: Int32) { socket = Descriptor(owning: descriptor) }

    init(from namespace: TestNamespace, to target: IPAddress, port: UInt16) throws {
        socket = Descriptor(
            owning: try namespace.run { () throws(LinuxError) in
                let raw = try openSocket()
                var address = socketAddress(target, port: port)
                try systemCall("connect") { withSocketAddress(&address) { Glibc.connect(raw, $0, $1) } }
                return raw
            })
    }

    func send(_ byte: UInt8) throws {
        let raw = socket.raw
        try systemCall("send") { Glibc.send(raw, [byte], 1, Int32(MSG_NOSIGNAL)) }
    }

    /// The next byte; nil when none came in time or the other side has closed.
    func receive() throws -> UInt8? {
        var byte: [UInt8] = [0]
        let raw = socket.raw
        return try systemCall("recv") { recv(raw, &byte, 1, 0) } == 1 ? byte[0] : nil
    }
}

/// A UDP socket in a namespace.
struct Datagrams: ~Copyable {
    let port: UInt16
    private let socket: Descriptor

    init(in namespace: TestNamespace, port: UInt16 = 0) throws {
        let raw = try namespace.run { () throws(LinuxError) in
            try openSocket(Int32(SOCK_DGRAM.rawValue))
        }
        let socket = Descriptor(owning: raw)
        var own = socketAddress(.any, port: port)
        try systemCall("bind") { withSocketAddress(&own) { bind(raw, $0, $1) } }
        self.port = try boundPort(raw)
        self.socket = socket
    }

    func send(_ byte: UInt8, to target: IPAddress, port: UInt16) throws {
        var address = socketAddress(target, port: port)
        let raw = socket.raw
        try systemCall("sendto") { withSocketAddress(&address) { sendto(raw, [byte], 1, 0, $0, $1) } }
    }

    /// The next byte and where it comes from; an error when none came in time.
    func receive() throws -> (byte: UInt8, from: Destination) {
        var byte: [UInt8] = [0]
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let raw = socket.raw
        try systemCall("recvfrom") {
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(raw, &byte, 1, 0, $0, &length) }
            }
        }
        let source = IPAddress(bytes: withUnsafeBytes(of: address.sin_addr.s_addr, Array.init)) ?? .any
        return (byte[0], Destination(source, UInt16(bigEndian: address.sin_port)))
    }
}

extension IPAddress {
    /// `0.0.0.0`: every address of a machine.
    static let any = IPAddress(family: .ipv4, bits: 0)
}

/// Connects from a namespace; the error number, 0 when it worked.
func connect(from namespace: TestNamespace, to target: IPAddress, port: UInt16) throws -> Int32 {
    try namespace.run { () throws(LinuxError) in
        let socket = Descriptor(owning: try openSocket())
        var address = socketAddress(target, port: port)
        let raw = socket.raw
        return withSocketAddress(&address) { Glibc.connect(raw, $0, $1) } == 0 ? 0 : errno
    }
}

/// A socket that gives up waiting after 10 s.
private func openSocket(_ type: Int32 = Int32(SOCK_STREAM.rawValue)) throws(LinuxError) -> Int32 {
    let raw = try systemCall("socket") { socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0) }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    try systemCall("setsockopt") { setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &patience, size) }
    try systemCall("setsockopt") { setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &patience, size) }
    return raw
}

private func boundPort(_ raw: Int32) throws -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
    }
    if code != 0 { throw LinuxError.last("getsockname") }
    return UInt16(bigEndian: address.sin_port)
}

private func socketAddress(_ target: IPAddress, port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(truncatingIfNeeded: target.bits).bigEndian
    return address
}

private func withSocketAddress<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}
