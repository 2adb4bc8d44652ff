import ContainerRuntime
import Glibc
import Linux
import Threads

/// A start by the runtime as the agent uses it: sandbox, container, its end as it is told, removal of everything.
final class OurLaunch {
    private let runtime: LinuxPodRuntime
    private let images: LocalImageStore
    private let image: ImageID
    private let directory: String
    private let cgroupRoot: String
    private let changes = Changes()
    private var count = 0
    /// The parts of a start, in the order of what `run` returns.
    static let phases = ["sandbox", "launch", "end", "removal"]

    init(directory: String, supervisor: String) throws {
        self.directory = directory
        cgroupRoot = "martlet-bench-\(getpid())"
        images = try LocalImageStore(directory: "\(directory)/images", unpacker: InProcessUnpacker())
        image = try images.resolve("rootfs:\(directory)/bundle/rootfs")
        runtime = try LinuxPodRuntime(
            dataDirectory: "\(directory)/data", runDirectory: "\(directory)/run", supervisorPath: supervisor,
            images: images, cgroupRoot: cgroupRoot)
        let changes = changes
        runtime.setExitHandler { _ in changes.note() }
        try runtime.keepSandboxesReady()
    }

    func cleanUp() {
        try? runtime.sweep(livePodUIDs: [])
        try? CgroupDriver.detect().remove(path: cgroupRoot)
    }

    /// Nanoseconds that the parts of one start took, from the first call to the return of the last.
    func run(userNamespace: Bool) throws -> [Int64] {
        count += 1
        let pod = "pod-\(count)"
        var config = ContainerConfig(
            name: "main", attempt: 0, image: image, logPath: "\(directory)/logs/\(pod)/main/0.log")
        config.command = ["/bin/true"]
        config.resources = ContainerResources(
            cpuRequestMillicores: 100, cpuLimitMillicores: 500, memoryLimitBytes: 64 << 20, pidsLimit: 100)
        config.userNamespace = userNamespace
        let sandbox = SandboxConfig(podUID: pod, hostname: "bench", userNamespace: userNamespace)
        let start = monotonic()
        _ = try runtime.createSandbox(sandbox)
        let created = monotonic()
        var phase = try runtime.startContainer(podUID: pod, config).phase
        let started = monotonic()
        while case .running = phase {
            changes.waitForOne()
            guard let seen = try runtime.observe(podUID: pod)?.containers.first else { break }
            phase = seen.phase
        }
        let ended = monotonic()
        try runtime.removeSandbox(podUID: pod)
        let end = monotonic()
        guard phase == .exited(exitCode: 0, signal: nil, outOfMemory: false) else {
            throw RuntimeError(.startFailed, "\(phase)")
        }
        return [created - start, started - created, ended - started, end - ended]
    }
}

/// Lets the thread that measures wait until the runtime tells of a change.
private final class Changes: Sendable {
    private let noted = Monitor(0)

    func note() { noted.change { $0 += 1 } }

    func waitForOne() {
        _ = noted.wait { count -> Bool? in
            defer { count = 0 }
            return count > 0 ? true : nil
        }
    }
}
