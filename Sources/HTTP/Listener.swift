internal import Glibc

/// A listening TCP socket (socket(7), ip(7), ipv6(7)).
struct Listener {
    let descriptor: Int32
    let port: UInt16

    /// Listens on an IPv4 or IPv6 address given as text; port 0 takes any free one.
    init(address: String, port: UInt16) throws(HTTPServerError) {
        let place = "\(address.contains(":") ? "[\(address)]" : address):\(port)"
        var storage = sockaddr_storage()
        let length = try Listener.fill(&storage, address, port)
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(Int32(storage.ss_family), type, 0)
        guard descriptor >= 0 else { throw HTTPServerError.system("cannot listen on \(place)") }
        var one: Int32 = 1
        // A restarted server must not wait until the connections of the one before have timed out.
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let bound = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0, listen(descriptor, 1024) == 0, let actual = Listener.port(of: descriptor) else {
            let error = HTTPServerError.system("cannot listen on \(place)")
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.port = actual
    }

    private static func fill(
        _ storage: inout sockaddr_storage, _ address: String, _ port: UInt16
    ) throws(HTTPServerError) -> socklen_t {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
        guard inet_pton(AF_INET6, address, &six.sin6_addr) == 1 else {
            throw HTTPServerError(message: "cannot listen on \"\(address)\": it is not an IP address")
        }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
        return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }

    private static func port(of descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        // The port is at the same place in both address families.
        return code == 0
            ? withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) } : nil
    }
}
