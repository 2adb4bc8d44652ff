import Glibc

/// The machine's cgroups: v2, v1, or both.
///
/// A cgroup is named by its path from the hierarchies' roots, `martlet/POD/CONTAINER`, and is a directory in every
/// hierarchy in use. Those are the v1 hierarchy of each controller that is on v1, and the v2 hierarchy wherever there
/// is one, also when it has no controller: it counts processor time and kills a whole subtree at once.
public struct CgroupDriver: Sendable, Hashable {
    /// Where the v2 hierarchy is mounted.
    public let unified: String?
    /// The controllers that the v2 hierarchy has.
    public let unifiedControllers: Set<CgroupController>
    /// Where each controller's v1 hierarchy is mounted; some may share one.
    public let legacy: [CgroupController: String]

    init(unified: String?, unifiedControllers: Set<CgroupController>, legacy: [CgroupController: String]) {
        self.unified = unified
        self.unifiedControllers = unifiedControllers
        self.legacy = legacy
    }

    /// Finds the hierarchies that are mounted at a path or below it.
    ///
    /// - Throws: `ENOENT` when there is none.
    public static func detect(
        root: String = "/sys/fs/cgroup", mountInfo: String = "/proc/self/mountinfo"
    ) throws(LinuxError) -> CgroupDriver {
        let mounts = CgroupMount.parse(try readText(mountInfo), below: root)
        guard !mounts.isEmpty else {
            throw LinuxError("detect cgroups", path: root, errno: ENOENT, detail: "no hierarchy is mounted here")
        }
        let unified = mounts.first { $0.version == .v2 }?.path
        var unifiedControllers: [CgroupController] = []
        if let unified {
            unifiedControllers = try readWords("\(unified)/cgroup.controllers").compactMap(CgroupController.init)
        }
        var legacy: [CgroupController: String] = [:]
        for controller in CgroupController.allCases {
            legacy[controller] = mounts.first { $0.controllers.contains(controller.rawValue) }?.path
        }
        return CgroupDriver(unified: unified, unifiedControllers: Set(unifiedControllers), legacy: legacy)
    }

    /// The root directories of the hierarchies in use, v2 first. `cpuacct` and `freezer` do on v1 what v2 can do
    /// without a controller.
    public var roots: [String] {
        var used: [CgroupController] = [.cpu, .memory, .pids, .devices]
        if unified == nil { used += [.cpuacct, .freezer] }
        var roots = unified.map { [$0] } ?? []
        for case let root? in used.map({ legacy[$0] }) where !roots.contains(root) { roots.append(root) }
        return roots
    }

    /// A cgroup's directory for a controller; nil where the machine lacks the controller.
    func directory(of path: String, for controller: CgroupController) throws(LinuxError) -> (
        path: String, version: CgroupVersion
    )? {
        let relative = try Self.components(of: path).joined(separator: "/")
        if let root = legacy[controller] { return ("\(root)/\(relative)", .v1) }
        guard let unified, unifiedControllers.contains(controller) else { return nil }
        return ("\(unified)/\(relative)", .v2)
    }

    /// A cgroup's directories, one a hierarchy in use, v2 first.
    func directories(of path: String) throws(LinuxError) -> [String] {
        let relative = try Self.components(of: path).joined(separator: "/")
        return roots.map { "\($0)/\(relative)" }
    }

    /// The names in a cgroup's path; the root itself and anything that leads out of it are refused.
    static func components(of path: String) throws(LinuxError) -> [String] {
        let names = path.split(separator: "/").map(String.init)
        guard !names.isEmpty, !names.contains("."), !names.contains("..") else {
            throw LinuxError("cgroup", path: path, errno: EINVAL, detail: "not a path below the root")
        }
        return names
    }
}
