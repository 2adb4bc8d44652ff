import Glibc
import Linux
import Supervision
import Synchronization

/// Runs pods on this machine: a supervisor for each, namespaces, cgroups, overlay roots.
///
/// It holds no knowledge that is not also on disk or in a supervisor, so a new instance takes over from one that was
/// killed at any point: every intent is on disk before the first kernel object that it leads to, and every method
/// looks at what is there before it acts.
public final class LinuxPodRuntime: PodRuntime {
    let dataDirectory: String
    let runDirectory: String
    let supervisorPath: String
    let images: any ImageStore
    let cgroups: CgroupDriver
    let cgroupRoot: String
    let kernel: any Kernel
    let watcher: ExitWatcher
    let cgroupView: CgroupView
    /// Which pod has which user ids.
    let userRanges: SharedUserRanges
    /// The kernel's version, as uname(1) tells it.
    let kernelRelease: String
    let starter: SupervisorStarter
    /// What removed pods had in the data directory, and in the run directory.
    let trash: (data: Trash, run: Trash)
    /// The sandboxes that are kept ready, where that was asked for.
    let pools = Mutex<SandboxPools?>(nil)
    /// The layer below every image's.
    let mountPoints: String
    /// Paths of processors that tell of their temperature, hidden like the default masked paths.
    let thermalPaths: [String]

    /// Takes over what runs on the machine.
    ///
    /// - Parameters:
    ///   - dataDirectory: Lasting; made when missing.
    ///   - runDirectory: Lost when the machine restarts; made when missing.
    ///   - supervisorPath: The program `martlet-supervisor`.
    ///   - images: Where images come from.
    ///   - cgroupRoot: The cgroup under which everything is; another one keeps tests apart from a running agent.
    ///   - kernel: What effects go through; the machine by default.
    public init(
        dataDirectory: String, runDirectory: String, supervisorPath: String, images: any ImageStore,
        cgroupRoot: String = "martlet", kernel: (any Kernel)? = nil
    ) throws(RuntimeError) {
        self.dataDirectory = dataDirectory
        self.runDirectory = runDirectory
        self.supervisorPath = supervisorPath
        self.images = images
        self.cgroupRoot = cgroupRoot
        mountPoints = "\(dataDirectory)/mountpoints"
        do {
            cgroups = try CgroupDriver.detect()
            self.kernel = kernel ?? LinuxKernel(cgroups: cgroups)
            cgroupView = CgroupView(cgroups)
            kernelRelease = (try? readText("/proc/sys/kernel/osrelease")) ?? ""
            starter = SupervisorStarter(program: supervisorPath, kernel: self.kernel)
            thermalPaths = Self.thermalPaths()
            for directory in [dataDirectory, runDirectory] {
                try Linux.makeDirectories("\(directory)/pods", mode: 0o700)
            }
            try MountPoints.make(at: mountPoints)
            userRanges = SharedUserRanges(try UserRanges(reading: dataDirectory))
            trash = (
                try Trash(directory: "\(dataDirectory)/removed", kernel: self.kernel),
                try Trash(directory: "\(runDirectory)/removed", kernel: self.kernel)
            )
            watcher = try ExitWatcher()
        } catch {
            throw RuntimeError(error)
        }
    }

    deinit {
        keepNoSandboxesReady()
        watcher.stop()
        trash.data.stop()
        trash.run.stop()
    }

    private static func thermalPaths() -> [String] {
        let root = "/sys/devices/system/cpu"
        let names = (try? listDirectory(root)) ?? []
        return names.map { "\(root)/\($0)/thermal_throttle" }.filter(fileExists)
    }

    func paths(_ podUID: String) throws(RuntimeError) -> PodPaths {
        try PodPaths(podUID, dataDirectory: dataDirectory, runDirectory: runDirectory, cgroupRoot: cgroupRoot)
    }

    /// See `PodRuntime`.
    public func setExitHandler(_ handler: @escaping @Sendable (String) -> Void) { watcher.setHandler(handler) }

    /// Connects to a pod's supervisor; nil when there is none.
    func connect(_ pod: PodPaths) throws(RuntimeError) -> SupervisorConnection? {
        do {
            return try SupervisorConnection(directory: pod.run)
        } catch  where [ENOENT, ECONNREFUSED, ENOTDIR].contains(error.errno) {
            return nil
        } catch {
            throw RuntimeError(.supervisorLost, "the supervisor of pod \(pod.podUID) does not answer: \(error)")
        }
    }

    /// Connects to a pod's supervisor, which has to be there.
    func connected(_ pod: PodPaths) throws(RuntimeError) -> SupervisorConnection {
        guard let connection = try connect(pod) else {
            throw RuntimeError(.supervisorLost, "the supervisor of pod \(pod.podUID) does not run")
        }
        return connection
    }

    /// Asks a supervisor something.
    func ask(
        _ connection: SupervisorConnection, _ request: SupervisorRequest, descriptors: [Int32] = []
    ) throws(RuntimeError) -> (reply: SupervisorReply, descriptors: [Int32]) {
        let answer: (reply: SupervisorReply, descriptors: [Int32])
        do {
            answer = try connection.request(request, descriptors: descriptors)
        } catch {
            let cause =
                error.errno == EAGAIN ? "in time: it is stopped or stuck; its containers go on" : "any more: \(error)"
            throw RuntimeError(
                .supervisorLost, "the supervisor, process \(connection.supervisorPID), does not answer \(cause)")
        }
        if case .failed(let kind, let message) = answer.reply { throw RuntimeError(supervisor: kind, message) }
        return answer
    }
}
