/// Where the agent keeps things on this machine.
public struct AgentPaths: Sendable, Hashable {
    /// What outlives a reboot, such as `/var/lib/martlet`.
    public var data: String
    /// What a reboot may lose, such as `/run/martlet`.
    public var run: String

    /// Makes the paths.
    public init(data: String, run: String) {
        self.data = data
        self.run = run
    }

    /// The copy of a pod's desired object, by which it is kept running while no server can be reached.
    func podCopy(_ uid: String) -> String { "\(podCopies)/\(uid).json" }
    /// The folder of those copies.
    var podCopies: String { "\(data)/agent/pods" }
    /// A pod's volumes on disk.
    func diskVolumes(_ uid: String) -> String { "\(data)/volumes/\(uid)" }
    /// A pod's volumes on memory, one tmpfs each.
    func memoryVolumes(_ uid: String) -> String { "\(run)/volumes/\(uid)" }
    /// The folder of a pod's logs.
    func logs(_ uid: String) -> String { "\(data)/logs/\(uid)" }
    /// The log of one attempt of a container, in the CRI format.
    func log(_ uid: String, _ container: String, _ attempt: Int) -> String {
        "\(logs(uid))/\(container)/\(attempt).log"
    }
    /// The files that every container of a pod sees in `/etc`.
    func etc(_ uid: String) -> String { "\(data)/volumes/\(uid)/.etc" }
}
