import Linux
import Model

/// Of what the node is short, as conditions of its object. A value: what was read of the machine is an argument.
struct NodePressure: Sendable, Equatable {
    /// The directory that pods are kept in, and the room on its file system.
    var path: String
    var room: FileSystemRoom?
    /// Processes and threads of the machine, and how many there may be.
    var processes: Int64
    var processLimit: Int64
    /// Descriptors that the agent has open, and how many it may have.
    var descriptors: Int64
    var descriptorLimit: Int64

    /// The most of a file system that is kept free, and the share of a smaller one.
    private static let reservedBytes: Int64 = 512 << 20
    private static let reservedFiles: Int64 = 10_000

    /// `DiskPressure`, `PIDPressure` and `DescriptorPressure`.
    var conditions: [Condition] { [disk, pids, openFiles] }

    private var disk: Condition {
        guard let room else {
            return Condition("DiskPressure", false, reason: "Unknown", message: "\(path) cannot be examined")
        }
        let text = "\(path) has \(room)"
        if room.freeBytes < min(room.bytes / 20, Self.reservedBytes) {
            return Condition("DiskPressure", true, reason: "DiskFull", message: text)
        }
        if room.files > 0, room.freeFiles < min(room.files / 20, Self.reservedFiles) {
            return Condition("DiskPressure", true, reason: "InodesUsedUp", message: text)
        }
        return Condition("DiskPressure", false, reason: "EnoughRoom", message: "")
    }

    private var pids: Condition {
        processLimit > 0 && processes > processLimit / 100 * 95
            ? Condition(
                "PIDPressure", true, reason: "ProcessesUsedUp",
                message: "\(processes) of \(processLimit) processes and threads are in use")
            : Condition("PIDPressure", false, reason: "EnoughProcesses", message: "")
    }

    private var openFiles: Condition {
        descriptorLimit > 0 && descriptors > descriptorLimit / 10 * 8
            ? Condition(
                "DescriptorPressure", true, reason: "DescriptorsUsedUp",
                message:
                    "\(descriptors) of at most \(descriptorLimit) descriptors are open in the agent; start it with a higher "
                    + "limit of open files (ulimit -n)")
            : Condition("DescriptorPressure", false, reason: "EnoughDescriptors", message: "")
    }
}
