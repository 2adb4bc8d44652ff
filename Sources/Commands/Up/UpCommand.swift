import APIServer
import Agent
import Client
import ContainerRuntime
import ControlPlane
import Glibc
import HTTP
import Linux
import Model
import Network
import Store

/// `martlet up`: runs server and agent in one process.
enum UpCommand {
    static let command = Command(
        path: ["up"], summary: "Run Martlet on this machine: server and agent in one process",
        usage: "[--data-dir DIRECTORY] [--listen ADDRESS:PORT]",
        discussion: """
            Runs until it is interrupted. Containers go on without it; the next `martlet up` takes them over, and
            `martlet cleanup` ends them.

            Commands find the server by --kubeconfig, then $KUBECONFIG, then admin.kubeconfig in the data directory, then
            ~/.kube/config. `kubectl` takes the same file.
            """,
        options: [
            .dataDirectory,
            .init(
                "listen", .value("ADDRESS:PORT"), "Where the API is served; port 0 takes any", default: "127.0.0.1:7443"
            ),
            .init("advertise", .values("NAME"), "Further names and addresses by which clients reach the API"),
            .init("node-name", .value("NAME"), "The node's name", default: "the host name"),
            .init("pod-cidr", .value("CIDR"), "The addresses that pods get", default: NodeNetwork.defaultRange),
            .init(
                "service-cidr", .value("CIDR"),
                "The virtual addresses of Apps; no two installations of a machine share it",
                default: NodeNetwork.defaultServiceRange),
            .init(
                "ready-sandboxes", .value("MOST"), "How many sandboxes are kept ready for new pods at most; 0 for none",
                default: "16"),
        ],
        examples: [
            "martlet up", "martlet up --data-dir /srv/martlet --listen 0.0.0.0:7443 --advertise martlet.example.com",
        ],
        run: { try UpRun($0).run() })
}

private struct UpRun {
    let call: Invocation
    let installation: Installation
    let address: String
    let port: UInt16
    let node: String
    let podCIDR: String
    let serviceCIDR: String
    let readySandboxes: Int
    let log = Log(part: "up")

    init(_ call: Invocation) throws {
        self.call = call
        guard call.arguments.isEmpty else {
            throw UsageError(message: "unexpected argument \"\(call.arguments[0])\"", path: ["up"])
        }
        installation = try Installation(call)
        let listen = call.value("listen") ?? "127.0.0.1:7443"
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw UsageError(message: "--listen takes ADDRESS:PORT, not \"\(listen)\"", path: ["up"])
        }
        address = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        self.port = port
        node = (call.value("node-name") ?? Self.hostName).lowercased()
        podCIDR = call.value("pod-cidr") ?? NodeNetwork.defaultRange
        serviceCIDR = call.value("service-cidr") ?? NodeNetwork.defaultServiceRange
        let most = call.value("ready-sandboxes") ?? "16"
        guard let readySandboxes = Int(most), (0...256).contains(readySandboxes) else {
            throw UsageError(message: "--ready-sandboxes takes a number from 0 to 256, not \"\(most)\"", path: ["up"])
        }
        self.readySandboxes = readySandboxes
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, 255)
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }

    func run() throws -> Int32 {
        guard geteuid() == 0 else {
            throw CommandFailure(message: "martlet up needs root: containers need namespaces, cgroups and mounts")
        }
        // Blocked before the first thread starts, so that every thread inherits it and only sigwait(3) takes them.
        let signals = StopSignals()
        ProcessMemory.shareHeaps()
        let lock = try InstallationLock(installation)
        defer { withExtendedLifetime(lock) {} }
        try makeDirectories(installation.run, mode: 0o711)
        try makeDirectories("\(installation.data)/store", mode: 0o700)
        let reachable = ["127.0.0.1", "localhost", address] + call.values("advertise")
        let credentials = try Credentials(
            in: installation, node: node, addresses: reachable.filter { $0 != "0.0.0.0" && $0 != "::" }.unique)
        let store = try openStore()
        defer { store.close() }
        let images = try installation.imageStore()
        let server = try Server(credentials, store: store, address: address, port: port)
        defer { server.stop() }
        let url = "https://\(address == "0.0.0.0" || address == "::" ? "127.0.0.1" : address):\(server.port)"
        try writeKubeconfig(credentials, url)

        let control = ControlPlane(
            store: store, imageResolver: LocalImageResolver(images: images),
            options: ControlPlaneOptions {
                $0.log = { Log(part: "control-plane")($0) }
            })
        control.start()
        defer { control.stop() }
        let agent = try makeAgent(credentials, url, images)
        server.bridge.attach(agent)
        agent.start()
        log("ready: \(url), node \(node), data in \(installation.data); KUBECONFIG=\(installation.adminKubeconfig)")

        let signal = signals.wait(every: ProcessMemory.period) { ProcessMemory.giveBack() }
        log("stopping on \(signal == SIGINT ? "SIGINT" : "SIGTERM"); containers go on, `martlet up` takes them over")
        agent.stop()
        return 0
    }

    private func openStore() throws -> SQLiteStore {
        do throws(StoreError) {
            return try SQLiteStore(path: installation.database)
        } catch {
            throw refusal(of: error, installation)
        }
    }

    private func writeKubeconfig(_ credentials: Credentials, _ url: String) throws {
        let text = Kubeconfig.render(credentials.adminConfig(server: url), name: "martlet")
        try writeDurably(installation.adminKubeconfig, text: text, mode: 0o600)
    }

    private func makeAgent(_ credentials: Credentials, _ url: String, _ images: LocalImageStore) throws -> Agent {
        let runtime = try LinuxPodRuntime(
            dataDirectory: installation.data, runDirectory: installation.run, supervisorPath: try Self.supervisorPath(),
            images: images, cgroupRoot: installation.cgroupRoot)
        try runtime.keepSandboxesReady(PoolSize(least: min(2, readySandboxes), most: readySandboxes))
        let network = try NodePodNetwork(installation, cidr: podCIDR, serviceCIDR: serviceCIDR)
        // Before anything is promised: a range or a name that is taken is told at once, and a bridge that was deleted comes back.
        try network.prepare()
        let description = NodeDescription(
            name: node, address: network.hostAddress, podCIDR: podCIDR, version: Program.version)
        let parts = AgentParts(
            node: description, runtime: runtime, images: images, network: network,
            connection: NodeAPIConnection(try CurlClient(credentials.agentConfig(server: url))),
            paths: AgentPaths(data: installation.data, run: installation.run),
            resolverConfiguration: { _ in ResolverConfiguration.forPods() }, log: { Log(part: "agent")($0) })
        return Agent(parts)
    }

    /// The supervisor's program: `$MARTLET_SUPERVISOR`, else `martlet-supervisor` beside this program.
    private static func supervisorPath() throws -> String {
        if let path = getenv("MARTLET_SUPERVISOR").map({ String(cString: $0) }) { return path }
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let program = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = parentDirectory(of: program) + "/martlet-supervisor"
        guard access(path, X_OK) == 0 else {
            throw CommandFailure(message: "\(path) is missing: martlet-supervisor belongs beside martlet")
        }
        return path
    }
}

extension ControlPlaneOptions {
    fileprivate init(_ build: (inout ControlPlaneOptions) -> Void) {
        self.init()
        build(&self)
    }
}

extension [String] {
    /// The elements in order, each once.
    fileprivate var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

/// SIGINT and SIGTERM, taken by waiting for them. The second one ends the process at once.
private struct StopSignals {
    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        return set
    }

    init() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the first, and does something every so many seconds until it comes; from then on the second has its
    /// usual effect.
    func wait(every seconds: Int, _ body: () -> Void) -> Int32 {
        var set = Self.set
        var time = timespec(tv_sec: seconds, tv_nsec: 0)
        var number = sigtimedwait(&set, nil, &time)
        while number < 0 {
            body()
            number = sigtimedwait(&set, nil, &time)
        }
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        return number
    }
}
