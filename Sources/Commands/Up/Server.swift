import APIServer
import Agent
import ContainerRuntime
import ControlPlane
import Glibc
import HTTP
import Model
import Store
import Synchronization
import Threads
import Wire

/// The API server with its sockets.
final class Server: Sendable {
    /// The way from the API server to the node's agent.
    let bridge = LocalNodeBridge()
    private let api: APIServer
    private let http: HTTPServer

    /// The port it listens on.
    var port: UInt16 { http.port }

    init(_ credentials: Credentials, store: any Store, address: String, port: UInt16) throws {
        let bridge = bridge
        let api = APIServer(
            store: store, clock: { MachineClock.wall }, authenticator: credentials.authenticator,
            nodeBridge: { _ in bridge.agent })
        self.api = api
        let config = HTTPServerConfig(
            address: address, port: port, tls: credentials.server, clientCA: credentials.authority)
        do {
            http = try HTTPServer(config: config) { request, responder in api.handle(request, responder) }
        } catch {
            throw CommandFailure(
                message: "cannot serve the API on \(address):\(port): \(error)\nanother port: --listen \(address):PORT")
        }
    }

    func stop() {
        api.stop()
        http.stop()
    }
}

/// Leads to the agent of the only node, once there is one.
final class LocalNodeBridge: Sendable {
    private let attached = Mutex<(any NodeBridge)?>(nil)
    var agent: (any NodeBridge)? { attached.withLock { $0 } }
    func attach(_ agent: any NodeBridge) { attached.withLock { $0 = agent } }
}

/// Resolves images by importing them into this machine's store.
struct LocalImageResolver: ImageResolver {
    let images: any ImageStore

    func resolve(_ reference: String) -> Result<String?, ImageResolutionError> {
        do throws(RuntimeError) {
            let id = try images.resolve(reference)
            return .success(id.text.hasPrefix("sha256:") ? id.text : nil)
        } catch {
            return .failure(ImageResolutionError(message: error.message))
        }
    }
}

/// The text of the pods' `/etc/resolv.conf`.
enum ResolverConfiguration {
    /// The machine's own, without servers on the loopback, which lead nowhere from inside a pod (resolv.conf(5)).
    static func forPods() -> String {
        guard let file = fopen("/etc/resolv.conf", "re") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        return filtered(String(decoding: bytes.prefix(count), as: UTF8.self))
    }

    /// A configuration without servers on the loopback.
    static func filtered(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.first == "nameserver", words.count > 1 else { return true }
            return !words[1].hasPrefix("127.") && words[1] != "::1"
        }.joined(separator: "\n")
    }
}
