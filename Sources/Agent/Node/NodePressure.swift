import Linux
import Model

/// Of what the node is short, as conditions of its object. A value: what was read of the machine is an argument.
struct NodePressure: Sendable, Equatable {
    /// The directory that pods are kept in, and the room on its file system.
    var path: String
    var room: FileSystemRoom?
    /// What all programs share.
    var machine: MachineRoom
    /// Descriptors that the agent has open, and how many it may have.
    var descriptors: Int64
    var descriptorLimit: Int64

    /// The most of a file system that is kept free, and the share of a smaller one.
    private static let reservedBytes: Int64 = 512 << 20
    private static let reservedFiles: Int64 = 10_000
    /// The most memory that is kept free, and the share of a smaller machine: half of what pods may not request.
    private static let reservedMemory: Int64 = 256 << 20

    /// `DiskPressure`, `MemoryPressure`, `PIDPressure` and `DescriptorPressure`.
    var conditions: [Condition] { [disk, memory, pids, openFiles] }

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

    private var memory: Condition {
        machine.memory > 0 && machine.availableMemory < min(machine.memory / 40, Self.reservedMemory)
            ? Condition(
                "MemoryPressure", true, reason: "MemoryUsedUp",
                message:
                    "programs can be given \(machine.availableMemory >> 20) of \(machine.memory >> 20) MiB before the "
                    + "kernel kills some; give containers memory limits")
            : Condition("MemoryPressure", false, reason: "EnoughMemory", message: "")
    }

    private var pids: Condition {
        machine.processLimit > 0 && machine.processes > machine.processLimit / 100 * 95
            ? Condition(
                "PIDPressure", true, reason: "ProcessesUsedUp",
                message: "\(machine.processes) of \(machine.processLimit) processes and threads are in use")
            : Condition("PIDPressure", false, reason: "EnoughProcesses", message: "")
    }

    private var openFiles: Condition {
        let remedy = "start it with a higher limit of open files (ulimit -n)"
        if descriptorLimit > 0, descriptors > descriptorLimit / 10 * 8 {
            return Condition(
                "DescriptorPressure", true, reason: "DescriptorsUsedUp",
                message: "\(descriptors) of at most \(descriptorLimit) descriptors are open in the agent; \(remedy)")
        }
        if machine.openFileLimit > 0, machine.openFiles > machine.openFileLimit / 100 * 95 {
            return Condition(
                "DescriptorPressure", true, reason: "OpenFilesUsedUp",
                message:
                    "\(machine.openFiles) of at most \(machine.openFileLimit) files are open on the machine (fs.file-max)"
            )
        }
        return Condition("DescriptorPressure", false, reason: "EnoughDescriptors", message: "")
    }
}
