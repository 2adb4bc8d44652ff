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
    /// Serves `/metrics` and nothing else, to whoever asks.
    private let monitoring: HTTPServer?

    /// The port it listens on.
    var port: UInt16 { http.port }

    /// Where `/metrics` is served without credentials; nil for nowhere.
    let metricsAddress: ListenAddress?

    init(_ credentials: Credentials, store: any Store, listen: ListenAddress, metrics: ListenAddress?) throws {
        let bridge = bridge
        let api = APIServer(
            store: store, clock: { MachineClock.wall }, authenticator: credentials.authenticator,
            nodeBridge: { _ in bridge.agent },
            process: ServerProcess(version: Program.version) { ProcessUsage.own() })
        self.api = api
        let config = HTTPServerConfig(
            address: listen.address, port: listen.port, tls: credentials.server, clientCA: credentials.authority)
        do {
            http = try HTTPServer(config: config) { request, responder in api.handle(request, responder) }
        } catch {
            throw CommandFailure(
                message: "cannot serve the API on \(listen): \(error)\nanother port: --listen \(listen.address):PORT")
        }
        guard let metrics else {
            (monitoring, metricsAddress) = (nil, nil)
            return
        }
        do {
            let server = try HTTPServer(config: HTTPServerConfig(address: metrics.address, port: metrics.port)) {
                api.handleMetrics($0, $1)
            }
            monitoring = server
            metricsAddress = ListenAddress(address: metrics.address, port: server.port)
        } catch {
            throw CommandFailure(
                message: "cannot serve metrics on \(metrics): \(error)\n"
                    + "another port: --metrics-listen \(metrics.address):PORT")
        }
    }

    func stop() {
        api.stop()
        http.stop()
        monitoring?.stop()
    }
}

/// Where something listens.
struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IP address, without brackets.
    var address: String
    /// The port; 0 takes any.
    var port: UInt16

    /// `ADDRESS:PORT`.
    var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
}

extension ListenAddress {
    /// Reads the value of an option.
    init(_ text: String, option: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw UsageError(message: "--\(option) takes ADDRESS:PORT, not \"\(text)\"", path: ["up"])
        }
        self.init(address: text[..<colon].filter { $0 != "[" && $0 != "]" }, port: port)
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
