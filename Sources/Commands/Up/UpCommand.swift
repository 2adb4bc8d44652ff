import APIServer
import Agent
import Client
import ContainerRuntime
import ControlPlane
import Controllers
import DataPlane
import Glibc
import HTTP
import Linux
import Model
import Network
import Proxy
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
            .init(
                "metrics-listen", .value("ADDRESS:PORT"),
                "Where /metrics is also served, in plain HTTP to whoever asks; nowhere unless given"),
            .init("advertise", .values("NAME"), "Further names and addresses by which clients reach the API"),
            .init("node-name", .value("NAME"), "The node's name", default: "the host name"),
            .init("pod-cidr", .value("CIDR"), "The addresses that pods get", default: NodeNetwork.defaultRange),
            .init(
                "service-cidr", .value("CIDR"),
                "The virtual addresses of Apps; no two installations of a machine share it",
                default: NodeNetwork.defaultServiceRange),
            .init(
                "http-port", .value("PORT"),
                "Where routes of Apps are served, on every address of the node; 0 for nowhere",
                default: "80"),
            .init(
                "https-port", .value("PORT"), "Where routes of Apps are served with TLS; 0 for nowhere", default: "443"),
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
    let listen: ListenAddress
    let metricsListen: ListenAddress?
    let node: String
    let podCIDR: String
    let serviceCIDR: String
    let routePorts: ProxySettings
    let readySandboxes: Int
    let log = Log(part: "up")

    init(_ call: Invocation) throws {
        self.call = call
        guard call.arguments.isEmpty else {
            throw UsageError(message: "unexpected argument \"\(call.arguments[0])\"", path: ["up"])
        }
        installation = try Installation(call)
        listen = try ListenAddress(call.value("listen") ?? "127.0.0.1:7443", option: "listen")
        metricsListen = try call.value("metrics-listen").map { try ListenAddress($0, option: "metrics-listen") }
        node = (call.value("node-name") ?? Self.hostName).lowercased()
        podCIDR = call.value("pod-cidr") ?? NodeNetwork.defaultRange
        serviceCIDR = call.value("service-cidr") ?? NodeNetwork.defaultServiceRange
        routePorts = ProxySettings(
            httpPort: try Self.port(call, "http-port", 80), httpsPort: try Self.port(call, "https-port", 443))
        let most = call.value("ready-sandboxes") ?? "16"
        guard let readySandboxes = Int(most), (0...256).contains(readySandboxes) else {
            throw UsageError(message: "--ready-sandboxes takes a number from 0 to 256, not \"\(most)\"", path: ["up"])
        }
        self.readySandboxes = readySandboxes
    }

    /// A port of the node; nil for 0, which means none.
    private static func port(_ call: Invocation, _ option: String, _ usual: Int) throws -> Int? {
        guard let text = call.value(option) else { return usual }
        guard let number = Int(text), (0...65535).contains(number) else {
            throw UsageError(
                message: "--\(option) takes a port from 1 to 65535, or 0 for none, not \"\(text)\"", path: ["up"])
        }
        return number == 0 ? nil : number
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
        let address = listen.address
        let reachable = ["127.0.0.1", "localhost", address] + call.values("advertise")
        let credentials = try Credentials(
            in: installation, node: node, addresses: reachable.filter { $0 != "0.0.0.0" && $0 != "::" }.unique)
        let store = try openStore()
        defer { store.close() }
        let images = try installation.imageStore()
        let server = try Server(credentials, store: store, listen: listen, metrics: metricsListen)
        defer { server.stop() }
        let url = "https://\(address == "0.0.0.0" || address == "::" ? "127.0.0.1" : address):\(server.port)"
        try writeKubeconfig(credentials, url)

        let connection = NodeAPIConnection(try CurlClient(credentials.agentConfig(server: url)))
        let network = try NodePodNetwork(installation, cidr: podCIDR, serviceCIDR: serviceCIDR)
        // Before anything is promised: a range or a name that is taken is told at once, and a bridge that was deleted comes back.
        try network.prepare()
        let plane = try makeDataPlane(network.network, credentials, connection)
        defer { plane?.leave() }
        let control = ControlPlane(
            store: store, imageResolver: LocalImageResolver(images: images),
            options: try controlPlaneOptions(servesAddresses: plane != nil))
        control.start()
        defer { control.stop() }
        let agent = try makeAgent(images, network, plane, connection)
        try plane?.start()
        server.bridge.attach(agent)
        agent.start()
        if let address = server.metricsAddress { log("metrics: http://\(address)/metrics") }
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

    /// What carries requests; nil, with a line in the log, where HAProxy is not installed.
    private func makeDataPlane(
        _ network: NodeNetwork, _ credentials: Credentials, _ connection: NodeAPIConnection
    ) throws -> NodeDataPlane? {
        let options = HAProxyOptions(directory: installation.proxy)
        guard options.isInstalled else {
            log(
                "\(options.executable) is missing: Apps have no virtual addresses, names or routes, and pods stop without being "
                    + "drained; apt-get install haproxy, and start martlet again")
            return nil
        }
        let log = Log(part: "data-plane")
        let certificates = RouteCertificates(
            directory: "\(installation.pki)/routes", authority: credentials.issuer,
            secret: { try connection.secret(namespace: $0, name: $1) }, log: { log($0) })
        let plane = try NodeDataPlane(
            network: network, options: options, nameDirectory: installation.names, settings: routePorts,
            certificates: certificates, log: { log($0) })
        if !plane.servesNames {
            log("\(NameServer.defaultExecutable) is missing: Apps have no names in pods; apt-get install dnsmasq-base")
        }
        return plane
    }

    private func controlPlaneOptions(servesAddresses: Bool) throws -> ControlPlaneOptions {
        var options = ControlPlaneOptions()
        options.log = { Log(part: "control-plane")($0) }
        if servesAddresses {
            do {
                options.virtualAddresses = try VirtualAddressPlan(CIDR(parsing: serviceCIDR))
            } catch {
                throw UsageError(message: "--service-cidr: \(error)", path: ["up"])
            }
        }
        return options
    }

    private func makeAgent(
        _ images: LocalImageStore, _ network: NodePodNetwork, _ plane: NodeDataPlane?, _ connection: NodeAPIConnection
    ) throws -> Agent {
        let runtime = try LinuxPodRuntime(
            dataDirectory: installation.data, runDirectory: installation.run, supervisorPath: try Self.supervisorPath(),
            images: images, cgroupRoot: installation.cgroupRoot)
        try runtime.keepSandboxesReady(PoolSize(least: min(2, readySandboxes), most: readySandboxes))
        let description = NodeDescription(
            name: node, address: network.hostAddress, podCIDR: podCIDR, version: Program.version)
        let server = plane?.servesNames == true ? network.network.hostAddress : nil
        var parts = AgentParts(
            node: description, runtime: runtime, images: images, network: network, connection: connection,
            paths: AgentPaths(data: installation.data, run: installation.run),
            resolverConfiguration: { namespace in
                server.map { Names.resolverConfiguration(namespace: namespace, server: $0) }
                    ?? ResolverConfiguration.forPods()
            }, log: { Log(part: "agent")($0) })
        parts.traffic = plane
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
