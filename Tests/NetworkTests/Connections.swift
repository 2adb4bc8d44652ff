import Glibc
import Linux

@testable import Network

/// A socket that listens for TCP connections on any address of a namespace.
struct Listener: ~Copyable {
    let port: UInt16
    private let socket: Descriptor

    init(in namespace: TestNamespace) throws {
        let socket = Descriptor(owning: try namespace.run { () throws(LinuxError) in try openSocket() })
        let raw = socket.raw
        var address = socketAddress(IPAddress(family: .ipv4, bits: 0), port: 0)
        try systemCall("bind") { withSocketAddress(&address) { bind(raw, $0, $1) } }
        try systemCall("listen") { listen(raw, 4) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        if code != 0 { throw LinuxError.last("getsockname") }
        port = UInt16(bigEndian: address.sin_port)
        self.socket = socket
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

/// Connects from a namespace; the error number, 0 when it worked.
func connect(from namespace: TestNamespace, to target: IPAddress, port: UInt16) throws -> Int32 {
    try namespace.run { () throws(LinuxError) in
        let socket = Descriptor(owning: try openSocket())
        var address = socketAddress(target, port: port)
        let raw = socket.raw
        return withSocketAddress(&address) { Glibc.connect(raw, $0, $1) } == 0 ? 0 : errno
    }
}

private func openSocket() throws(LinuxError) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    return try systemCall("socket") { socket(AF_INET, type, 0) }
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
