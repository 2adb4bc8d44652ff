import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// Apps whose ports are UDP.
    @Suite struct DatagramTests {
        private let cluster: Cluster

        init() throws { cluster = try EndToEnd.cluster() }

        @Test func `datagrams to an App's address reach its ready pods in turn, and those that come later`() throws {
            try makeImage()
            let spec = "ports: [{name: echo, port: 8080, protocol: UDP}]\nstop: {gracePeriod: 0s}\nreplicas: "
            defer { cluster.delete("echo") }
            try cluster.run("echo", spec + "2", tag: "datagrams")
            let app = try cluster.awaitApp("echo", "an address") { $0["status"]?["virtualAddress"] != nil }
            let address = try #require(app["status"]?["virtualAddress"]?.string)
            func pods() throws -> Set<String> {
                Set(try cluster.pods("echo").map(\.name))
            }
            let both = try pods()
            #expect(try both.count == 2 && answering(address) == both)
            try cluster.run("echo", spec + "3", tag: "datagrams")
            let all = try pods()
            #expect(try all.count == 3 && answering(address) == all)
        }

        /// The pods that answer a dozen clients.
        private func answering(_ address: String) throws -> Set<String> {
            Set(try (0..<12).map { _ in try ask(address) })
        }

        private func ask(_ address: String) throws -> String {
            let client = Descriptor(
                owning: try systemCall("socket") { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) })
            var patience = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(client.raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = in_port_t(8080).bigEndian
            inet_pton(AF_INET, address, &target.sin_addr)
            let raw = client.raw
            _ = try withUnsafePointer(to: &target) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    try systemCall("connect") { connect(raw, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) }
                }
            }
            try systemCall("send") { send(raw, "?", 1, 0) }
            var bytes = [UInt8](repeating: 0, count: 256)
            let count = try systemCall("recv") { recv(raw, &bytes, bytes.count, 0) }
            return String(decoding: bytes[..<Int(count)], as: UTF8.self)
        }

        private func makeImage() throws {
            let program = "\(parentDirectory(of: cluster.data))/datagrams"
            let source = "\(Cluster.repository)/Tests/ContainerProbe/datagrams.c"
            for words in [
                ["cc", "-static", "-O1", "-o", program, source],
                [
                    "\(Cluster.repository)/hack/make-image", "\(cluster.images)/image-datagrams", "--tag", "datagrams",
                    "--program", program,
                ],
            ] {
                let output = try cluster.run(words)
                try #require(output.code == 0, "\(output)")
            }
        }
    }
}
