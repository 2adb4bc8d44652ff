/// Where a pod's things are, on disk and in the cgroup hierarchies.
struct PodPaths: Sendable, Hashable {
    /// The pod's identity.
    let podUID: String
    /// Lasting: the intents, the containers' root file systems and their ends.
    let data: String
    /// Lost when the machine restarts, like the processes it belongs to: the supervisor's socket, number and log.
    let run: String
    /// The pod's cgroup.
    let cgroup: String

    init(_ podUID: String, dataDirectory: String, runDirectory: String, cgroupRoot: String) throws(RuntimeError) {
        guard Self.isName(podUID) else { throw RuntimeError(.invalid, "pod uid \"\(podUID)\" is not a name") }
        self.podUID = podUID
        data = "\(dataDirectory)/pods/\(podUID)"
        run = "\(runDirectory)/pods/\(podUID)"
        cgroup = "\(cgroupRoot)/\(podUID)"
    }

    /// The intent: what the supervisor is started with.
    var config: String { "\(data)/config.json" }
    /// The directory of the containers' directories.
    var containers: String { "\(data)/containers" }
    /// The cgroup of the supervisor.
    var supervisorCgroup: String { "\(cgroup)/supervisor" }
    /// What the supervisor complains about.
    var supervisorLog: String { "\(run)/supervisor.log" }

    func container(_ id: ContainerKey) -> ContainerPaths {
        ContainerPaths(directory: "\(containers)/\(id)", cgroup: "\(cgroup)/\(id)")
    }

    /// Whether a text can be the name of a directory and of a cgroup and means nothing else.
    static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 128, text.first != "." else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}

/// Where a container's things are.
struct ContainerPaths: Sendable, Hashable {
    let directory: String
    let cgroup: String
    /// The intent.
    var config: String { "\(directory)/container.json" }
    /// What the container writes to its root.
    var upper: String { "\(directory)/upper" }
    /// Overlay's scratch directory.
    var work: String { "\(directory)/work" }
    /// Where the root is mounted, for the container alone: over what it is made of.
    var root: String { directory }
}

/// A container in a pod: `NAME.ATTEMPT`.
struct ContainerKey: Sendable, Hashable, CustomStringConvertible {
    let name: String
    let attempt: Int

    init(name: String, attempt: Int) throws(RuntimeError) {
        guard PodPaths.isName(name), attempt >= 0 else {
            throw RuntimeError(.invalid, "container name \"\(name)\" or attempt \(attempt) is not valid")
        }
        self.name = name
        self.attempt = attempt
    }

    /// Reads the name of a container's directory.
    init?(_ text: String) {
        guard let dot = text.lastIndex(of: "."), let attempt = Int(text[text.index(after: dot)...]), attempt >= 0 else {
            return nil
        }
        name = String(text[..<dot])
        self.attempt = attempt
    }

    var description: String { "\(name).\(attempt)" }
}
