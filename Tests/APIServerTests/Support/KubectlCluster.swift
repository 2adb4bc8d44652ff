import APIServer
import Glibc
import HTTP
import Model
import PKI
import Store
import Testing

/// A server on the loopback interface over TLS, and a real kubectl that is set up for it.
final class KubectlCluster {
    static let kubectl = TestFile.onPath("kubectl")
    static let skipReason: Comment = "there is no kubectl on PATH: hack/setup installs one"

    let store = MemoryStore()
    let bridge = FakeBridge()
    let api: APIServer
    let home: String
    private let server: HTTPServer
    /// The minor version of kubectl.
    let minor: Int

    /// Whether kubectl reads OpenAPI documents of version 3, as those of version 1.27 and newer do.
    var readsSchemas: Bool { minor >= 27 }

    init() throws {
        home = "/tmp/martlet-test-kubectl-\(UInt32.random(in: 0...UInt32.max))"
        guard mkdir(home, 0o700) == 0 else { throw TestFailure("cannot make \(home)") }
        let bridge = bridge
        let api = APIServer(
            store: store, clock: { Self.now() },
            authenticator: StaticAuthenticator(tokens: [
                "secret": Identity(name: "admin", groups: ["system:masters"])
            ]), nodeBridge: { _ in bridge })
        self.api = api
        let now = Self.now().seconds
        let authority = try CertificateAuthority.generate(commonName: "test", now: now)
        let leaf = try authority.issueServer(
            commonName: "localhost", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], now: now)
        var config = HTTPServerConfig(
            address: "127.0.0.1", port: 0,
            tls: TLSIdentity(certificateChain: leaf.certificatePEM, privateKey: leaf.keyPEM))
        config.clientCA = authority.certificatePEM
        server = try HTTPServer(config: config) { request, responder in api.handle(request, responder) }
        minor = try Self.write(home: home, port: server.port, authority: authority.certificatePEM)
        for name in ["default", "shop"] { _ = try run(["create", "-f", "-"], input: Self.namespace(name)) }
    }

    deinit {
        api.stop()
        server.stop()
        Self.remove(home)
    }

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    private static func namespace(_ name: String) -> String {
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: \(name)\n"
    }

    /// Writes the configuration and returns kubectl's minor version.
    private static func write(home: String, port: UInt16, authority: String) throws -> Int {
        try TestFile.write(authority, to: home + "/ca.pem")
        let config: JSONValue = [
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [
                [
                    "name": "test",
                    "cluster": [
                        "server": .string("https://127.0.0.1:\(port)"),
                        "certificate-authority": .string(home + "/ca.pem"),
                    ],
                ]
            ], "users": [["name": "admin", "user": ["token": "secret"]]],
            "contexts": [["name": "test", "context": ["cluster": "test", "user": "admin", "namespace": "default"]]],
        ]
        try TestFile.write(config.text(), to: home + "/config")
        let version = try start(["version", "--client", "-o", "json"], home: home).wait()
        let minor = (try? JSONValue(parsing: version.out))?["clientVersion"]?["minor"]?.string ?? ""
        guard let number = Int(minor.prefix { $0.isNumber }) else {
            throw TestFailure("kubectl has no version: \(version.all)")
        }
        return number
    }

    private static func start(_ arguments: [String], home: String, input: String = "") throws -> RunningProcess {
        try RunningProcess(
            kubectl ?? "", arguments,
            environment: [
                "HOME=\(home)", "KUBECONFIG=\(home)/config", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                // Clients of a machine with a proxy must not ask it for the loopback interface.
                "NO_PROXY=127.0.0.1",
            ], directory: home, input: input)
    }

    /// Starts kubectl.
    func start(_ arguments: [String], input: String = "") throws -> RunningProcess {
        try Self.start(arguments, home: home, input: input)
    }

    /// Runs kubectl to its end.
    func run(_ arguments: [String], input: String = "") throws -> ProcessResult {
        try start(arguments, input: input).wait()
    }

    /// Puts a document into the store as the control plane and agents do.
    func store(_ document: JSONValue, _ type: ResourceType) throws {
        let metadata = document["metadata"]
        let key = ObjectKey(
            type, namespace: metadata?["namespace"]?.string ?? "default", name: metadata?["name"]?.string ?? "")
        _ = try store.commit(StoreTransaction(writes: [.put(key, document)]))
    }

    static func remove(_ directory: String) {
        guard let stream = opendir(directory) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            let path = "\(directory)/\(name)"
            if entry.pointee.d_type == UInt8(DT_DIR) { remove(path) } else { unlink(path) }
        }
        closedir(stream)
        rmdir(directory)
    }
}
