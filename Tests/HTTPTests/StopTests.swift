import Glibc
import HTTP
import Synchronization
import Testing

/// Stopping while clients come.
@Suite(.timeLimit(.minutes(10))) struct StopTests {
    /// `MHD_quiesce_daemon` (libmicrohttpd 0.9.75) aborts the process, once in some thousand times, when clients connect meanwhile.
    @Test func `a server can be stopped at any moment while clients connect`() throws {
        for _ in 0..<50 {
            let server = try HTTPServer(config: HTTPServerConfig(address: "127.0.0.1", port: 0)) { _, responder in
                responder.respond(status: 200, headers: [], body: [])
            }
            let goesOn = Goes()
            let clients = (0..<3).map { _ in
                TestThread { while goesOn.on.load(ordering: .relaxed) { connectOnce(port: server.port) } }
            }
            while goesOn.connections.load(ordering: .relaxed) == 0 { goesOn.count(connectOnce(port: server.port)) }
            server.stop()
            goesOn.on.store(false, ordering: .relaxed)
            for client in clients { client.join() }
            #expect(!connectOnce(port: server.port))
        }
    }
}

private final class Goes: Sendable {
    let on = Atomic(true)
    let connections = Atomic(0)
    func count(_ connected: Bool) { if connected { connections.add(1, ordering: .relaxed) } }
}

/// Opens a connection and closes it; false when nobody listens.
@discardableResult private func connectOnce(port: UInt16) -> Bool {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(client) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
