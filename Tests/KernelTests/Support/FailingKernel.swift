import ContainerRuntime
import Glibc
import Linux
import Synchronization

/// The machine, on which one effect, counted from 0, fails before it happens.
final class FailingKernel: Kernel {
    private let machine: LinuxKernel
    private let failAt: Int
    private let error: Int32
    private let count = Atomic(0)
    private let failure = Mutex<String?>(nil)

    init(failAt: Int, error: Int32 = EIO) throws {
        self.error = error
        machine = LinuxKernel(cgroups: try CgroupDriver.detect())
        self.failAt = failAt
    }

    /// The effect that failed: `write`, `move`, `start`; nil when there were not as many.
    var failed: String? { failure.withLock { $0 } }

    private func fails(_ operation: String) -> Bool {
        guard count.add(1, ordering: .relaxed).oldValue == failAt else { return false }
        failure.withLock { $0 = operation }
        return true
    }

    private func check(_ operation: String, _ path: String) throws(LinuxError) {
        if fails(operation) { throw LinuxError(operation, path: path, errno: error) }
    }

    func makeDirectories(_ path: String, mode: UInt32) throws(LinuxError) {
        try check("mkdir", path)
        try machine.makeDirectories(path, mode: mode)
    }
    func writeDurably(_ path: String, _ bytes: [UInt8]) throws(LinuxError) {
        try check("write", path)
        try machine.writeDurably(path, bytes)
    }
    func writeWhole(_ path: String, _ bytes: [UInt8]) throws(LinuxError) {
        try check("write", path)
        try machine.writeWhole(path, bytes)
    }
    func rename(_ path: String, to other: String) throws(LinuxError) {
        try check("rename", other)
        try machine.rename(path, to: other)
    }
    func removeTree(_ path: String) throws(LinuxError) {
        try check("unlink", path)
        try machine.removeTree(path)
    }
    func createCgroup(_ path: String, _ resources: CgroupResources) throws(LinuxError) -> CgroupHandle {
        try check("mkdir", path)
        return try machine.createCgroup(path, resources)
    }
    func moveCgroup(_ path: String, to other: String) throws(LinuxError) -> Bool {
        try check("move", other)
        return try machine.moveCgroup(path, to: other)
    }
    func removeCgroup(_ path: String) throws(LinuxError) {
        try check("rmdir", path)
        try machine.removeCgroup(path)
    }
    func start(_ launch: Launch) throws(LaunchError) -> StartedProcess {
        if fails("start") { throw LaunchError(failure: .cloning, errno: error) }
        return try machine.start(launch)
    }
}
