import ContainerRuntime
import Glibc
import Linux
import Synchronization

/// The machine, on which one of the effects to come on the thread that asked for it fails before it happens. What other
/// threads do, such as the one that keeps sandboxes ready, neither counts nor fails.
final class SwitchedKernel: Kernel {
    private struct Plan {
        var thread: pthread_t
        var left: Int
        var error: Int32
    }

    private let machine: LinuxKernel
    private let plan = Mutex<Plan?>(nil)

    init() throws { machine = LinuxKernel(cgroups: try CgroupDriver.detect()) }

    /// Has the effect after so many others of this thread fail; none with nil.
    func fail(at effect: Int?, with error: Int32 = EIO) {
        let wanted = effect.map { Plan(thread: pthread_self(), left: $0, error: error) }
        plan.withLock { $0 = wanted }
    }

    private func failure() -> Int32? {
        let own = pthread_self()
        return plan.withLock { plan in
            guard let now = plan, pthread_equal(now.thread, own) != 0 else { return nil }
            plan?.left -= 1
            return now.left == 0 ? now.error : nil
        }
    }

    private func check(_ operation: String, _ path: String) throws(LinuxError) {
        if let error = failure() { throw LinuxError(operation, path: path, errno: error) }
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
        try check("rename", other)
        return try machine.moveCgroup(path, to: other)
    }
    func removeCgroup(_ path: String) throws(LinuxError) {
        try check("rmdir", path)
        try machine.removeCgroup(path)
    }
    func start(_ launch: Launch) throws(LaunchError) -> StartedProcess {
        if failure() != nil { throw LaunchError(failure: .cloning, errno: EAGAIN) }
        return try machine.start(launch)
    }
}
