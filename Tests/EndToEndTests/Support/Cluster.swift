import Glibc
import Linux
import Model
import Synchronization
import Testing

/// A Martlet of its own on this machine: the real programs, with a data directory, a port and addresses that nobody else has.
// Safe because the suite is serialized: one test uses it at a time.
final class Cluster: @unchecked Sendable {
    let data: String
    let images: String
    private(set) var server: Child?
    private let podCIDR: String
    private let serviceCIDR: String
    private let files: Int?
    /// What `martlet up` finds in its environment besides.
    var serverEnvironment: [String: String] = [:]
    private let routes: (http: Int, https: Int)
    /// Further options of `martlet up`.
    var serverOptions: [String] = []
    private static let counter = Atomic(0)

    /// Where the programs are: beside the test bundle, or in `$MARTLET_PROGRAMS`.
    static let programs: String = {
        if let path = getenv("MARTLET_PROGRAMS") { return String(cString: path) }
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = max(0, readlink("/proc/self/exe", &bytes, bytes.count))
        return parentDirectory(of: String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }()

    static let repository = String(#filePath.split(separator: "/").dropLast(4).reduce(into: "") { $0 += "/" + $1 })

    /// Makes one and starts it.
    ///
    /// - Parameters:
    ///   - images: where images are that were made before.
    ///   - files: how many descriptors the server may have open.
    ///   - routes: where routes are served; 0 for nowhere.
    ///   - serviceCIDR: the virtual addresses; some that nobody else has when nil.
    ///   - prepare: is given the data directory before the server starts.
    init(
        images: String? = nil, files: Int? = nil, routes: (http: Int, https: Int) = (0, 0), serviceCIDR: String? = nil,
        prepare: (String) throws -> Void = { _ in }
    ) throws {
        self.routes = routes
        self.files = files
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        data = "/tmp/martlet-test-e2e-\(getpid())-\(number)/data"
        podCIDR = "10.\(200 + Int(getpid()) % 50).\(number % 250).0/24"
        self.serviceCIDR = serviceCIDR ?? "10.\(150 + Int(getpid()) % 48).\(number % 250).0/24"
        try makeDirectories(parentDirectory(of: data), mode: 0o755)
        if let images {
            self.images = images
        } else {
            self.images = parentDirectory(of: data)
            for tag in ["1.0", "2.0"] { try makeImage(tag) }
        }
        try prepare(data)
        try start()
    }

    private func makeImage(_ tag: String) throws {
        let words = ["\(Self.repository)/hack/make-image", "\(images)/image-\(tag)", "--tag", tag]
        let maker = try Child(words, environment: environment)
        try #require(try maker.awaitEnd() == 0, "\(maker.err)")
    }

    func image(_ tag: String = "1.0") -> String { "oci:\(images)/image-\(tag):\(tag)" }

    private var environment: [String: String] {
        var result = [
            "MARTLET_DATA_DIR": data, "KUBECONFIG": "\(data)/admin.kubeconfig", "HOME": parentDirectory(of: data),
            "TERM": "dumb", "TZ": "UTC",
        ]
        result["PATH"] = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
        return result
    }

    // MARK: - The server

    /// Starts `martlet up` and waits until it serves.
    func start() throws {
        let child = try startUp()
        server = child
        try child.awaitOutput("readiness", seconds: 30) { $0.err.contains("ready: https://") }
    }

    /// Starts another `martlet up` on the same data directory.
    func startUp() throws -> Child {
        let limit = files.map { ["prlimit", "--nofile=\($0)"] } ?? []
        let words =
            limit + [
                "\(Self.programs)/martlet", "up", "--data-dir", data, "--listen", "127.0.0.1:0", "--pod-cidr", podCIDR,
                "--service-cidr", serviceCIDR, "--http-port", "\(routes.http)", "--https-port", "\(routes.https)",
            ]
        return try Child(words + serverOptions, environment: environment.merging(serverEnvironment) { $1 })
    }

    /// Ends the server and returns its exit code.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) throws -> Int32 {
        guard let child = server else { return -1 }
        child.kill(signal)
        let code = try child.awaitEnd(seconds: 20)
        server = nil
        return code
    }

    /// Ends everything, and returns what is left on the machine nevertheless.
    func cleanUp() throws -> [String] {
        let links = podLinks()
        try stop()
        let output = try run(["martlet", "cleanup", "--purge", "--data-dir", data])
        var left = output.code == 0 ? [] : ["\(output)"]
        left += helpers().map { "process \($0)" }
        left += leftovers() + links.filter { fileExists("/sys/class/net/\($0)") }.map { "link \($0)" }
        for path in [data, "/run/martlet-\(mark)", "/sys/class/net/mlt-\(mark)"] where fileExists(path) {
            left.append(path)
        }
        try removeTree(parentDirectory(of: data))
        return left
    }

    // MARK: - Clients

    func start(_ words: [String], terminal: String? = nil, input: String = "") throws -> Child {
        var words = words
        if words[0] == "martlet" { words[0] = "\(Self.programs)/martlet" }
        return try Child(words, environment: environment, terminal: terminal, input: input)
    }

    /// Runs a program to its end.
    func run(_ words: [String], input: String = "", seconds: Double = 60) throws -> Output {
        let child = try start(words, input: input)
        let code = try child.awaitEnd(seconds: seconds)
        return Output(command: words.joined(separator: " "), code: code, out: child.out, err: child.err)
    }

    /// Runs `martlet`, whatever its exit code.
    func martlet(_ words: String..., input: String = "") throws -> Output {
        try run(["martlet"] + words, input: input)
    }

    /// Runs `kubectl`, whatever its exit code.
    func kubectl(_ words: String..., input: String = "") throws -> Output {
        try run(["kubectl"] + words, input: input)
    }

    // MARK: - Objects

    /// An App's manifest: the image, quick stops, and the lines of its spec.
    func manifest(_ name: String, _ spec: String, tag: String = "1.0") -> String {
        let lines = spec.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }
        let stop = spec.contains("stop:") ? "" : "  stop: {gracePeriod: 1s, drain: 0s}\n"
        let image = spec.hasPrefix("image:") || spec.contains("\nimage:") ? "" : "  image: \(image(tag))\n"
        return """
            apiVersion: martlet.dev/v1
            kind: App
            metadata: {name: \(name)}
            spec:
            \(image)\(stop)\(lines.joined(separator: "\n"))

            """
    }

    /// Applies manifests.
    func apply(_ manifest: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let output = try martlet("apply", "-f", "-", input: manifest)
        try #require(output.code == 0, "\(output)", sourceLocation: sourceLocation)
    }

    /// Applies an App and waits until it is available.
    func run(_ name: String, _ spec: String, tag: String = "1.0", sourceLocation: SourceLocation = #_sourceLocation)
        throws
    {
        let output = try martlet(
            "apply", "-f", "-", "--wait", "--timeout", "30s", input: manifest(name, spec, tag: tag))
        try #require(output.code == 0, "\(output)", sourceLocation: sourceLocation)
    }

    /// Removes an App without waiting for its pods.
    func delete(_ name: String) {
        _ = try? martlet("delete", "app", name, "--wait=false", "--ignore-not-found")
    }

    /// Removes an App and waits until its pods are gone.
    func deleteAndWait(_ name: String) throws {
        let output = try martlet("delete", "app", name, "--timeout", "30s")
        try #require(output.code == 0, "\(output)")
        try eventually("the end of \(name)'s pods") { try pods(name).isEmpty ? true : nil }
    }

    func get(_ type: String, _ name: String) throws -> JSONValue {
        let output = try martlet("get", type, name, "-o", "json")
        try #require(output.code == 0, "\(output)")
        return try JSONValue(parsing: output.out)
    }

    /// The pods of an App by name, those included that stop.
    func pods(_ app: String) throws -> [PodView] {
        let output = try martlet("get", "pods", "-l", "martlet.dev/app=\(app)", "-o", "json")
        try #require(output.code == 0, "\(output)")
        return try (JSONValue(parsing: output.out)["items"]?.array ?? []).map(PodView.init)
            .sorted { $0.name < $1.name }
    }

    /// The only pod of an App.
    func pod(_ app: String) throws -> PodView {
        let pods = try pods(app).filter { !$0.isStopping }
        try #require(pods.count == 1, "\(app) has \(pods.count) pods")
        return pods[0]
    }

    /// Waits until the only pod of an App is as it should be.
    @discardableResult
    func awaitPod(
        _ app: String, _ what: String, within seconds: Double = 30, _ condition: (PodView) throws -> Bool
    ) throws -> PodView {
        var last: PodView?
        return try eventually(
            "\(app)'s pod: \(what)", within: seconds, last: { last.map { $0.document.text() } ?? "no pod" }
        ) {
            let pods = try pods(app).filter { !$0.isStopping }
            last = pods.last
            return try pods.count == 1 && condition(pods[0]) ? pods[0] : nil
        }
    }

    func app(_ name: String) throws -> JSONValue { try get("app", name) }

    /// Waits until an App is as it should be.
    @discardableResult
    func awaitApp(_ name: String, _ what: String, within seconds: Double = 30, _ condition: (JSONValue) -> Bool) throws
        -> JSONValue
    {
        var last: JSONValue?
        return try eventually("app \(name): \(what)", within: seconds, last: { last.map { $0.text() } ?? "" }) {
            let app = try app(name)
            last = app
            return condition(app) ? app : nil
        }
    }

    /// What a container wrote.
    func logs(_ target: String, _ words: String...) throws -> String {
        let output = try run(["martlet", "logs", target] + words)
        try #require(output.code == 0, "\(output)")
        return output.out
    }

    /// Runs a command in an App's main container and returns what it wrote.
    func exec(_ target: String, _ command: String...) throws -> String {
        let output = try run(["martlet", "exec", target, "--"] + command)
        try #require(output.code == 0, "\(output)")
        return output.out
    }
}
