import BenchmarkReport
import Glibc
import Linux
import Model
import Network

/// `podnet`: a pod's network made and removed, as the agent does it, beside what a network costs a container of Docker's.
///
/// It is to be called in a network namespace of its own: the bridge and the packet filter's tables are made in it.
func measurePodNetwork(_ options: Options) throws {
    let rounds = try options.number("rounds", default: 20)
    let directory = try options.text("directory")
    defer { try? removeTree(directory) }
    let pods = try PodNetworks(directory: directory)
    let docker: DockerNetworks? =
        options.has("docker")
        ? DockerNetworks(
            engine: try DockerEngine(socket: try options.text("docker")), image: try options.text("image")) : nil
    for run in 1...(try options.number("runs", default: 5)) {
        let ours = try (0..<rounds).map { try pods.measure("bench-\(run)-\($0)") }
        let milliseconds = median(ours.map(\.total)) ?? 0
        emit(Sample(name: "podnet", work: work, value: milliseconds, unit: "ms"))
        progress("run \(run), martlet: \(milliseconds) ms, until it is made \(median(ours.map(\.made)) ?? 0) ms")
        guard let docker else { continue }
        let theirs = try docker.measure(rounds)
        emit(Sample(name: "podnet", work: work, peer: try options.text("peer"), value: theirs.difference, unit: "ms"))
        progress("run \(run), docker: \(theirs.bridge) ms with a bridge, \(theirs.none) ms without")
    }
}

private let work = "one pod's network made and removed"

/// Networks of pods on a bridge of the namespace that this process is in.
struct PodNetworks {
    private let network: NodeNetwork

    init(directory: String) throws {
        network = try NodeNetwork(cidr: "10.199.0.0/16", runDirectory: directory)
        try network.ensureBridge()
        try network.ensureFilter()
    }

    /// How many milliseconds it took until the network was there, and until it was gone again.
    func measure(_ podUID: String) throws -> (made: Double, total: Double) {
        let start = MachineTime.now
        let namespace = try EmptyNamespace()
        try network.ensureBridge()
        _ = try network.attach(podUID: podUID, networkNamespacePath: namespace.path)
        let made = MachineTime.now - start
        try network.detach(podUID: podUID)
        namespace.remove()
        return (made, MachineTime.now - start)
    }
}

/// The same container with a network of Docker's bridge, and without one.
struct DockerNetworks {
    let engine: DockerEngine
    let image: String

    /// The medians in milliseconds of containers made, run to their end and removed, alternately of one kind and the other.
    func measure(_ rounds: Int) throws -> (bridge: Double, none: Double, difference: Double) {
        var bridge: [Double] = []
        var none: [Double] = []
        for _ in 0..<rounds {
            bridge.append(try measure(network: "bridge"))
            none.append(try measure(network: "none"))
        }
        let medians = (median(bridge) ?? 0, median(none) ?? 0)
        return (medians.0, medians.1, medians.0 - medians.1)
    }

    /// What `docker run --rm --network NETWORK IMAGE true` asks of the daemon.
    private func measure(network: String) throws -> Double {
        let start = MachineTime.now
        let container: JSONValue = [
            "Image": .string(image), "Cmd": ["/bin/busybox", "true"],
            "HostConfig": ["NetworkMode": .string(network)],
        ]
        guard let id = try engine.request("POST", "/containers/create", container)["Id"]?.string else {
            throw BenchmarkError("docker: a container without an id")
        }
        try engine.request("POST", "/containers/\(id)/start")
        try engine.request("POST", "/containers/\(id)/wait")
        try engine.request("DELETE", "/containers/\(id)")
        return MachineTime.now - start
    }
}
