import ContainerRuntime
import Glibc
import Linux
import Synchronization

/// Whether containers can be launched here.
let isRoot = geteuid() == 0
let rootNeeded = "launching containers needs root"

/// An image store with one image, a directory.
final class DirectoryImages: ImageStore {
    let configuration: Mutex<ImageConfiguration>
    let layers: [String]

    init(layers: [String]) {
        self.layers = layers
        configuration = Mutex(ImageConfiguration())
    }

    func resolve(_ reference: String) throws(RuntimeError) -> ImageID { ImageID(reference) }
    func unpacked(_ id: ImageID) throws(RuntimeError) -> UnpackedImage {
        UnpackedImage(id: id, layerDirectories: layers, configuration: configuration.withLock { $0 })
    }
    func list() throws(RuntimeError) -> [ImageRecord] { [] }
    func remove(_ reference: String) throws(RuntimeError) {}
    func collectGarbage(inUse: Set<ImageID>) throws(RuntimeError) -> Int64 { 0 }
}

/// A runtime with directories and cgroups of its own, and an image made of busybox. Everything goes away with it.
final class RuntimeFixture: Sendable {
    let directory: String
    let cgroupRoot: String
    let images: DirectoryImages
    let runtime: LinuxPodRuntime
    private let count: Int
    private static let counter = Atomic(0)

    /// Whether pods and containers have a user namespace unless a test says otherwise.
    private let userNamespace: Bool

    init(kernel: (any Kernel)? = nil, userNamespace: Bool = true) throws {
        self.userNamespace = userNamespace
        count = Self.counter.add(1, ordering: .relaxed).newValue
        directory = "/tmp/martlet-test-\(getpid())-\(count)"
        cgroupRoot = "martlet-test-\(getpid())-\(count)"
        try makeDirectories(directory, mode: 0o755)
        try Self.makeRoot("\(directory)/image")
        images = DirectoryImages(layers: ["\(directory)/image"])
        runtime = try Self.makeRuntime(directory, cgroupRoot, images, kernel)
    }

    deinit {
        // The runtime ends after this; until then it would make what is removed here again.
        runtime.keepNoSandboxesReady()
        try? runtime.sweep(livePodUIDs: [])
        try? CgroupDriver.detect().remove(path: cgroupRoot)
        try? removeTree(directory)
    }

    /// Another runtime on the same directories, as after a restart of the agent.
    func restarted(kernel: (any Kernel)? = nil) throws -> LinuxPodRuntime {
        try Self.makeRuntime(directory, cgroupRoot, images, kernel)
    }

    private static func makeRuntime(
        _ directory: String, _ cgroupRoot: String, _ images: DirectoryImages, _ kernel: (any Kernel)?
    ) throws -> LinuxPodRuntime {
        try LinuxPodRuntime(
            dataDirectory: "\(directory)/data", runDirectory: "\(directory)/run", supervisorPath: supervisorPath,
            images: images, cgroupRoot: cgroupRoot, kernel: kernel)
    }

    /// `MARTLET_SUPERVISOR`, or the program next to the test bundle.
    static var supervisorPath: String {
        if let path = getenv("MARTLET_SUPERVISOR") { return String(cString: path) }
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = max(0, readlink("/proc/self/exe", &bytes, bytes.count))
        let bundle = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(parentDirectory(of: bundle))/martlet-supervisor"
    }

    private static func makeRoot(_ root: String) throws {
        for name in ["bin", "etc", "tmp", "home/web", "usr/bin"] {
            try makeDirectories("\(root)/\(name)", mode: 0o755)
        }
        try writeFile("\(root)/bin/busybox", create: "", mode: 0o755)
        let source = try Descriptor(opening: "/bin/busybox", flags: O_RDONLY)
        let target = try Descriptor(opening: "\(root)/bin/busybox", flags: O_WRONLY)
        try writeAll(target.raw, readAll(source.raw, path: "busybox", limit: 16 << 20), path: "busybox")
        chmod("\(root)/bin/busybox", 0o755)
        for applet in [
            "sh", "true", "false", "cat", "echo", "sleep", "id", "env", "ls", "mkdir", "touch", "grep", "head", "dd",
            "kill", "hostname", "pwd", "tail", "yes", "stat", "tty", "mount", "stty", "rm", "ln",
        ] {
            symlink("busybox", "\(root)/bin/\(applet)")
        }
        try writeFile(
            "\(root)/etc/passwd", create: "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/home/web:/bin/sh\n",
            mode: 0o644)
        try writeFile(
            "\(root)/etc/group", create: "root:x:0:\nweb:x:1001:\nextra:x:2000:web\nother:x:2001:nobody\n", mode: 0o644)
    }

    // MARK: Probe

    /// Adds a program to the image's `/bin`: see `Tests/ContainerProbe`.
    func addProbe(_ name: String = "probe") throws {
        let tests = parentDirectory(of: parentDirectory(of: parentDirectory(of: #filePath)))
        let command = [
            "/usr/bin/cc", "-static", "-O1", "-o", "\(directory)/image/bin/\(name)",
            "\(tests)/ContainerProbe/\(name).c",
        ]
        let environment = ["PATH=/usr/bin:/bin"]
        let process = try Launch(steps: [
            .execute(candidates: [command[0]], arguments: command, environment: environment)
        ]).start()
        defer { close(process.pidfd) }
        _ = awaitReadable(process.pidfd, milliseconds: 60_000)
        guard try reapChild(pidfd: process.pidfd)?.exitCode == 0 else {
            throw LinuxError("compile", path: "\(name).c", errno: ENOEXEC)
        }
    }

    /// Directories of the node, or of an image, with what must not change: names, kinds, modes, owners, sizes and times
    /// of change.
    func fingerprint(_ paths: String...) throws -> [String] {
        var lines: [String] = []
        func visit(_ path: String) throws {
            var status = stat()
            guard lstat(path, &status) == 0 else { return lines.append("\(path) missing") }
            lines.append(
                "\(path) \(status.st_mode) \(status.st_uid) \(status.st_gid) \(status.st_size) "
                    + "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
            )
            guard status.st_mode & S_IFMT == S_IFDIR else { return }
            for name in try listDirectory(path).sorted() { try visit("\(path)/\(name)") }
        }
        for path in paths { try visit(path) }
        return lines
    }

    /// A directory of the node with a file, outside of every container.
    func makeCanary() throws -> String {
        let canary = "\(directory)/canary"
        try makeDirectories("\(canary)/inner", mode: 0o755)
        try writeFile("\(canary)/file", create: "untouched\n", mode: 0o644)
        return canary
    }

    // MARK: Pods

    @discardableResult
    func sandbox(
        _ podUID: String = "pod", hostNetwork: Bool = false, userNamespace: Bool? = nil, sysctls: [String: String] = [:]
    ) throws -> SandboxInfo {
        try runtime.createSandbox(
            SandboxConfig(
                podUID: podUID, hostname: "web-0", hostNetwork: hostNetwork,
                userNamespace: userNamespace ?? self.userNamespace,
                sysctls: sysctls))
    }

    func config(_ name: String, _ command: [String], attempt: Int = 0) -> ContainerConfig {
        var config = ContainerConfig(
            name: name, attempt: attempt, image: ImageID("rootfs:test"), logPath: log(name, attempt))
        config.command = command
        config.userNamespace = userNamespace
        return config
    }

    func shell(_ script: String, name: String = "web") -> ContainerConfig { config(name, ["/bin/sh", "-c", script]) }

    func log(_ name: String = "web", _ attempt: Int = 0) -> String { "\(directory)/logs/\(name).\(attempt).log" }

    /// Runs a container to its end in a pod that is there, and returns how it ended and what it wrote.
    func run(_ config: ContainerConfig, podUID: String = "pod") throws -> (ContainerObservation, output: String) {
        let started = try runtime.startContainer(podUID: podUID, config)
        let ended: ContainerObservation
        if case .running = started.phase {
            ended = try awaitEnd(config.name, config.attempt, podUID: podUID)
        } else {
            ended = started
        }
        return (ended, output(config.logPath))
    }

    /// What a container wrote, without the log's own fields.
    func output(_ path: String) -> String {
        let text = (try? readText(path, limit: 64 << 20)) ?? ""
        // Bytes: "\r\n" is one character.
        return text.utf8.split(separator: 0x0A).map { line in
            line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3)
                .map { String(decoding: $0.filter { $0 != 0x0D }, as: UTF8.self) }.joined()
        }.joined(separator: "\n")
    }

    func awaitEnd(
        _ name: String, _ attempt: Int = 0, podUID: String = "pod", in other: LinuxPodRuntime? = nil
    ) throws -> ContainerObservation {
        try eventually { () throws -> ContainerObservation? in
            let pod = try (other ?? self.runtime).observe(podUID: podUID)
            let container = pod?.containers.first { $0.name == name && $0.attempt == attempt }
            if case .exited? = container?.phase { return container }
            return nil
        }
    }

    /// Looks every few milliseconds until there is an answer; an error after 20 seconds.
    @discardableResult
    func eventually<Value>(_ look: () throws -> Value?) throws -> Value {
        for _ in 0..<4000 {
            if let value = try look() { return value }
            _ = poll(nil, 0, 5)
        }
        throw LinuxError("wait", errno: ETIMEDOUT)
    }
}

extension ExecSession {
    /// Closes every descriptor.
    func close() {
        for descriptor in [terminal, standardInput, standardOutput, standardError, completion].compactMap({ $0 }) {
            Glibc.close(descriptor)
        }
    }
}
