import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// How Apps are reached.
    @Suite struct Networking {
        @Test func `a port of the node leads to the App's pod, and a port that is taken is told`() throws {
            let cluster = try EndToEnd.cluster()
            let names = ["front", "second", "blocked"]
            defer { for name in names { cluster.delete(name) } }
            let port = try freePort()
            let spec = "ports: [{name: http, port: 8080, hostPort: \(port)}]"
            try cluster.run("front", spec)
            let page = try cluster.run([
                "curl", "--fail", "--silent", "--max-time", "5", "http://127.0.0.1:\(port)/",
            ])
            #expect(page.out == "web 1.0\n", "\(page)")

            try cluster.apply(cluster.manifest("second", spec))
            let waiting = try cluster.awaitPod("second", "unschedulable") {
                $0.condition("PodScheduled")?["reason"]?.string == "Unschedulable"
            }
            #expect(waiting.condition("PodScheduled")?["message"]?.string?.contains("\(port)") == true)
            cluster.delete("front")
            _ = try cluster.awaitPod("second", "ready on the port that is free") { $0.isReady }

            let listener = try Listening()
            try cluster.apply(
                cluster.manifest("blocked", "ports: [{name: http, port: 8080, hostPort: \(listener.port)}]"))
            let why = "port \(listener.port)/TCP of the node is taken by a program that listens on it"
            _ = try cluster.awaitPod("blocked", "why it waits") { $0.document.text().contains(why) }
        }

        /// A port on which nobody listens.
        private func freePort() throws -> UInt16 { try Listening().port }
    }
}

/// A socket that listens on a loopback address.
final class Listening {
    let port: UInt16
    private let raw: Int32

    init() throws {
        raw = try systemCall("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let raw = raw
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(raw, address, length) == 0 && listen(raw, 1) == 0 ? getsockname(raw, address, &length) : -1
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        if code != 0 { throw LinuxError.last("listen") }
    }

    deinit { close(raw) }
}
