import Glibc
public import Model

/// Describes this machine as a `Node`.
public struct NodeDescription: Sendable {
    /// The node's name.
    public var name: String
    /// The address by which other nodes reach it.
    public var address: String
    /// The addresses its pods get, in CIDR notation.
    public var podCIDR: String
    /// Labels beside the well-known ones.
    public var labels: [String: String]
    /// The agent's version.
    public var version: String
    /// How many pods may run here.
    public var maximumPods: Int

    /// Makes a description.
    public init(
        name: String, address: String, podCIDR: String, labels: [String: String] = [:], version: String,
        maximumPods: Int = 500
    ) {
        self.name = name
        self.address = address
        self.podCIDR = podCIDR
        self.labels = labels
        self.version = version
        self.maximumPods = maximumPods
    }

    /// The node's object with what the kernel says of the machine.
    ///
    /// Of the memory a twentieth, at most 512 MiB, is kept for the system; pods may request the rest.
    public func node(images: [NodeImage] = []) -> Node {
        let architecture = Self.architecture
        let processors = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let memory = Self.memoryBytes
        let reserved = min(memory / 20, 512 << 20)
        return Node { node in
            node.metadata.name = name
            node.metadata.labels = labels.merging([
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture,
            ]) { mine, _ in mine }
            node.spec = NodeSpec { $0.podCIDR = podCIDR }
            node.status = NodeStatus { status in
                status.capacity = [
                    "cpu": .millicores(processors * 1000), "memory": .bytes(memory), "pods": .count(Int64(maximumPods)),
                ]
                status.allocatable = [
                    "cpu": .millicores(processors * 1000), "memory": .bytes(memory - reserved),
                    "pods": .count(Int64(maximumPods)),
                ]
                status.addresses = [
                    NodeAddress { ($0.type, $0.address) = ("InternalIP", address) },
                    NodeAddress { ($0.type, $0.address) = ("Hostname", name) },
                ]
                status.nodeInfo = info(architecture: architecture)
                status.images = images
                status.conditions = [
                    Condition("Ready", true, reason: "AgentReady", message: "the agent runs pods")
                ]
            }
        }
    }

    private func info(architecture: String) -> NodeInfo {
        NodeInfo {
            $0.kernelVersion = firstLine(of: "/proc/sys/kernel/osrelease") ?? ""
            $0.osImage = Self.distribution
            $0.containerRuntimeVersion = "martlet://\(version)"
            $0.kubeletVersion = "v\(version)"
            $0.architecture = architecture
            $0.bootID = firstLine(of: "/proc/sys/kernel/random/boot_id") ?? ""
            $0.machineID = firstLine(of: "/etc/machine-id") ?? ""
        }
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// All of the machine's memory, in bytes (sysconf(3)).
    private static var memoryBytes: Int64 {
        Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static var distribution: String {
        let lines = smallFile("/etc/os-release")?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("PRETTY_NAME=") }
        return line.map { $0.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" } } ?? "Linux"
    }
}

private func firstLine(of path: String) -> String? {
    smallFile(path)?.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init)
}

/// The first 16 KiB of a file, as text.
private func smallFile(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let count = read(descriptor, &buffer, buffer.count)
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
}
