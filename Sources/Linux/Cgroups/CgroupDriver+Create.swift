import Failpoints
import Glibc
import Synchronization

/// What is needed to start processes in a cgroup.
public final class CgroupHandle: Sendable {
    /// The cgroup's path.
    public let path: String
    /// The directory in the v2 hierarchy, for clone3's `CLONE_INTO_CGROUP`; nil on machines without v2.
    public let v2DirectoryFD: Int32?
    /// The join files of the v1 hierarchies, open for writing: a process with one thread that writes `0` joins.
    public let v1ProcsFDs: [Int32]
    private let closed = Atomic(false)

    init(path: String, v2DirectoryFD: Int32?, v1ProcsFDs: [Int32]) {
        self.path = path
        self.v2DirectoryFD = v2DirectoryFD
        self.v1ProcsFDs = v1ProcsFDs
    }

    /// Closes the descriptors; further calls do nothing.
    public func close() {
        guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for descriptor in v1ProcsFDs { Glibc.close(descriptor) }
        if let v2DirectoryFD { Glibc.close(v2DirectoryFD) }
    }

    deinit { close() }
}

extension CgroupDriver {
    /// Makes a cgroup, with those above it, in every hierarchy in use, and sets its limits.
    ///
    /// May be repeated: what is there stays, and the limits are written again. A failure may leave directories;
    /// `remove` takes them away.
    ///
    /// - Throws: `ENODEV` for a limit whose controller the machine lacks; what the kernel says of a value or a
    ///   directory.
    public func create(path: String, resources: CgroupResources) throws(LinuxError) -> CgroupHandle {
        let names = try Self.components(of: path)
        for root in roots {
            if root == unified { try enableControllers(root: root, names: names.dropLast()) }
            try makeDirectories("\(root)/\(names.joined(separator: "/"))")
            failpoint(.cgroupMade, path)
        }
        try update(path: path, resources: resources)
        failpoint(.cgroupLimited, path)
        return try open(path: path)
    }

    /// Writes limits to a cgroup that is there.
    ///
    /// - Parameter only: Where the cgroup is not in all hierarchies yet, those that it is in.
    public func update(
        path: String, resources: CgroupResources, only: CgroupVersion? = nil
    ) throws(LinuxError) {
        try write(path, .cpu, only) { CPUController.files(for: resources, version: $0) }
        try write(path, .memory, only) { MemoryController.files(for: resources, version: $0) }
        try write(path, .pids, only) { PidsController.files(for: resources, version: $0) }
        guard let rules = resources.devices else { return }
        if legacy[.devices] == nil, let directory = try unifiedDirectory(of: path) {
            if only == .v1 { return }
            try DeviceProgram.attach(rules, directory: directory)
        } else {
            try write(path, .devices, only) { DevicesController.files(for: resources, version: $0) }
        }
    }

    /// Opens a cgroup that is there, to start processes in it.
    public func open(path: String) throws(LinuxError) -> CgroupHandle {
        var procs: [Int32] = []
        var directoryFD: Int32?
        do {
            for directory in try directories(of: path) {
                if let unified, directory.hasPrefix(unified + "/") {
                    directoryFD = try Descriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY).release()
                } else {
                    procs.append(
                        try Descriptor(opening: "\(directory)/\(Self.legacyJoinFile)", flags: O_WRONLY).release())
                }
            }
            return CgroupHandle(path: path, v2DirectoryFD: directoryFD, v1ProcsFDs: procs)
        } catch {
            for descriptor in procs { close(descriptor) }
            if let directoryFD { close(directoryFD) }
            throw error
        }
    }

    /// A cgroup's directory in the v2 hierarchy; nil on machines without one.
    func unifiedDirectory(of path: String) throws(LinuxError) -> String? {
        let relative = try Self.components(of: path).joined(separator: "/")
        return unified.map { "\($0)/\(relative)" }
    }

    /// Gives the controllers that are on v2 to every level above a cgroup; they come down level by level, see "Top-down
    /// constraint" in cgroup-v2.rst.
    private func enableControllers(root: String, names: ArraySlice<String>) throws(LinuxError) {
        let wanted = [CgroupController.cpu, .memory, .pids]
            .filter { unifiedControllers.contains($0) && legacy[$0] == nil }
        var directory = root
        for name in [""] + names {
            if !name.isEmpty { directory += "/\(name)" }
            if wanted.isEmpty { return }
            try makeDirectories(directory)
            let file = "\(directory)/cgroup.subtree_control"
            let enabled = try readWords(file)
            let missing = wanted.filter { !enabled.contains($0.rawValue) }
            if !missing.isEmpty { try writeFile(file, missing.map { "+\($0.rawValue)" }.joined(separator: " ")) }
        }
    }

    private func write(
        _ path: String, _ controller: CgroupController, _ only: CgroupVersion?, files: (CgroupVersion) -> [CgroupFile]
    ) throws(LinuxError) {
        guard let (directory, version) = try directory(of: path, for: controller) else {
            if files(.v1).isEmpty { return }
            throw LinuxError(
                "set limit", path: path, errno: ENODEV, detail: "this machine has no \(controller.rawValue) controller")
        }
        if let only, only != version { return }
        try Self.write(files(version), directory: directory)
    }

    /// Writes values in order. Where two limits bound each other (memory, and memory with swap), the order that is
    /// right for a lower value is wrong for a higher one: `EINVAL`, and then the other order is tried.
    private static func write(_ files: [CgroupFile], directory: String) throws(LinuxError) {
        do {
            for file in files { try write(file, directory: directory) }
        } catch let error where error.errno == EINVAL && files.count > 1 {
            for file in files.reversed() { try write(file, directory: directory) }
        }
    }

    private static func write(_ file: CgroupFile, directory: String) throws(LinuxError) {
        do {
            try writeFile("\(directory)/\(file.name)", file.value)
        } catch let error where error.errno == ENOENT && file.isOptional {
            return
        }
    }
}
