import Linux

/// How much a machine has left of what pods use up. A value: what was read of the machine is an argument.
struct Headroom {
    /// The directory that pods are kept in, and the room on its file system; nil when that cannot be told.
    var directory: String
    var room: FileSystemRoom?
    var machine: MachineRoom
    /// How many descriptors `martlet up` can have open, as far as it can raise that itself.
    var descriptorLimit: UInt64

    /// What the checks say, in order.
    var findings: [Finding] { [disk, inodes, memory, processes, openFiles, descriptors] }

    private var disk: Finding {
        guard let room else { return Finding(name: "disk", verdict: .fails, found: "\(directory) cannot be examined") }
        let found = "\(ImageCommands.size(room.freeBytes)) of \(ImageCommands.size(room.bytes)) free for \(directory)"
        return finding(
            "disk", found, isEnough: room.freeBytes > 1 << 30,
            remedy: "martlet image gc, or another disk: martlet up --data-dir DIRECTORY")
    }

    private var inodes: Finding {
        guard let room, room.files > 0 else {
            return Finding(name: "inodes", verdict: .holds, found: "not limited for \(directory)")
        }
        return finding(
            "inodes", "\(room.freeFiles) of \(room.files) free for \(directory)",
            isEnough: room.freeFiles > min(room.files / 10, 50_000),
            remedy: "martlet image gc, or a file system with more inodes: martlet up --data-dir DIRECTORY")
    }

    private var memory: Finding {
        guard machine.memory > 0 else {
            return Finding(name: "memory", verdict: .holds, found: "the kernel does not tell")
        }
        return finding(
            "memory", "\(machine.availableMemory >> 20) of \(machine.memory >> 20) MiB available",
            isEnough: machine.availableMemory > min(machine.memory / 20, 512 << 20),
            remedy: "end what is not needed: ps aux --sort=-rss")
    }

    private var processes: Finding {
        let few = machine.processLimit < 8192
        let enough = !few && machine.processes < machine.processLimit / 10 * 8
        return finding(
            "processes", "\(machine.processes) of at most \(machine.processLimit) processes and threads",
            isEnough: enough || machine.processLimit == 0,
            remedy: few
                ? "sysctl -w kernel.pid_max=4194304 kernel.threads-max=500000" : "end what is not needed: ps -eLf")
    }

    private var openFiles: Finding {
        finding(
            "open files", "\(machine.openFiles) of at most \(machine.openFileLimit) on the machine",
            isEnough: machine.openFiles < machine.openFileLimit / 10 * 8 || machine.openFileLimit == 0,
            remedy: "sysctl -w fs.file-max=\(max(machine.openFileLimit, 100_000) * 2)")
    }

    private var descriptors: Finding {
        // A pod takes some five descriptors of the agent, a watch one of the server.
        finding(
            "descriptors", "at most \(descriptorLimit) open in martlet up", isEnough: descriptorLimit >= 4096,
            remedy: "ulimit -Hn 65536, or LimitNOFILE=65536 in the unit of systemd")
    }

    private func finding(_ name: String, _ found: String, isEnough: Bool, remedy: String) -> Finding {
        isEnough
            ? Finding(name: name, verdict: .holds, found: found)
            : Finding(name: name, verdict: .warns, found: found, remedy: remedy)
    }
}

extension Headroom {
    /// Looks at this machine.
    init(directory: String) {
        self.init(
            directory: directory, room: try? FileSystemRoom(path: directory), machine: MachineRoom(),
            descriptorLimit: DescriptorLimit().hard)
    }
}
