import BenchmarkReport
import Glibc
import Linux
import Model

/// `memory`: what an idle engine has, and what each of its containers costs beside the container's own process. One side
/// for each call, because the daemons are started anew for each.
func measureMemory(_ options: Options) throws {
    let count = try options.number("containers", default: 100)
    let settle = UInt32(try options.number("settle", default: 10))
    let peer: String? = options.has("docker") ? try options.text("peer") : nil
    let containers: any ContainerSet
    if peer == nil {
        containers = MartletContainers(
            program: try options.text("martlet"), supervisor: try options.text("supervisor"),
            data: try options.text("data"), manifest: try options.text("manifest")
        )
    } else {
        containers = DockerContainers(
            engine: try DockerEngine(socket: try options.text("docker")), root: try options.number("pid", default: 1),
            image: try options.text("image"), count: count)
    }
    sleep(settle)
    let idle = try containers.engineMemory()
    let kernelBefore = try kernelMegabytes()
    try containers.start()
    sleep(settle)
    let busy = try containers.engineMemory()
    let kernel = try kernelMegabytes() - kernelBefore
    try containers.stop()
    let each = (busy - idle) / Double(count)
    progress("\(peer ?? "martlet"): idle \(idle) MB, each container \(each) MB, kernel \(kernel / Double(count)) MB")
    emit(Sample(name: "memory", work: "idle engine", peer: peer, value: idle, unit: "MB"))
    emit(Sample(name: "memory", work: "each of \(count) containers", peer: peer, value: each, unit: "MB"))
    emit(
        Sample(name: "memory", work: "kernel, each of \(count)", peer: peer, value: kernel / Double(count), unit: "MB"))
}

/// Containers that sleep, and the engine that runs them.
protocol ContainerSet {
    func start() throws
    func stop() throws
    /// The processes of the engine and all their children, containers included.
    func processes() throws -> [ProcessEntry]
}

extension ContainerSet {
    /// What the containers run: nothing else on the machine has these arguments.
    static var command: [String] { ["/bin/busybox", "sleep", "86399"] }

    /// The memory of all that is not the containers themselves.
    func engineMemory() throws -> Double {
        try processes().filter { $0.commandLine != Self.command.joined(separator: " ") }
            .reduce(0) { $0 + $1.proportionalMegabytes }
    }
}

struct MartletContainers: ContainerSet {
    let program: String
    let supervisor: String
    let data: String
    let manifest: String

    func start() throws { try run([program, "apply", "-f", manifest, "--wait", "--timeout", "300s"]) }
    func stop() throws { try run([program, "delete", "-f", manifest, "--wait", "--timeout", "300s"]) }

    /// `up`, the supervisors, which are nobody's children, and whatever these started.
    func processes() throws -> [ProcessEntry] {
        let own = Int(getpid())
        return try tree { entry in
            entry.pid != own
                && (entry.commandLine.hasPrefix(supervisor)
                    || entry.commandLine.hasPrefix("\(program) up --data-dir \(data)"))
        }
    }
}

struct DockerContainers: ContainerSet {
    let engine: DockerEngine
    /// The process that everything of Docker's descends from.
    let root: Int
    let image: String
    let count: Int

    func start() throws {
        let body: JSONValue = ["Image": .string(image), "Cmd": .array(Self.command.map { .string($0) })]
        for number in 0..<count {
            try engine.request("POST", "/containers/create?name=bench-\(number)", body)
            try engine.request("POST", "/containers/bench-\(number)/start")
        }
    }

    func stop() throws {
        for number in 0..<count { try engine.request("DELETE", "/containers/bench-\(number)?force=1") }
    }

    func processes() throws -> [ProcessEntry] {
        let helpers = ["unshare", "bash"]
        return try tree { $0.pid == root }.filter { entry in !helpers.contains { entry.commandLine.hasPrefix($0) } }
    }
}

/// What the kernel has for structures, stacks and page tables, and its processors' reserves (proc_meminfo(5)).
func kernelMegabytes() throws -> Double {
    let fields = ["SUnreclaim:", "KernelStack:", "PageTables:", "Percpu:"]
    let lines = try readText("/proc/meminfo").split(separator: "\n")
    let kilobytes = lines.filter { line in fields.contains { line.hasPrefix($0) } }
        .reduce(0.0) { $0 + (Double($1.split(separator: " ")[1]) ?? 0) }
    return kilobytes * 1024 / 1e6
}
