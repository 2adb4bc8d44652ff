import ContainerRuntime
import Failpoints
import Glibc
import Linux
import Model

/// Makes, mounts and removes the volumes of pods. Every method is idempotent.
struct VolumeManager: PodVolumes {
    let paths: AgentPaths
    /// The text of `/etc/resolv.conf` of a pod in a namespace.
    let resolverConfiguration: @Sendable (_ namespace: String) -> String
    /// Whether this kernel can show the files of a volume on memory with other owners than they have.
    var mapsMemory = KernelRelease.running.map { $0 >= .mapsMemory } ?? true

    /// A volume that cannot be made.
    struct Failure: Error, Equatable {
        /// One CamelCase word.
        var reason: String
        /// What is wrong and where.
        var message: String

        init(_ reason: String, _ message: String) {
            self.reason = reason
            self.message = message
        }
    }

    /// Makes every volume of a pod.
    func prepare(_ pod: Pod, settings: PodSettings) throws(Failure) {
        do throws(LinuxError) {
            try makeDirectories(paths.diskVolumes(pod.uid), mode: 0o711)
            try makeDirectories(paths.memoryVolumes(pod.uid), mode: 0o711)
        } catch {
            throw Failure("VolumeFailed", "\(error)")
        }
        for volume in pod.spec.volumes {
            do throws(LinuxError) {
                if let source = volume.emptyDir {
                    try makeEmptyDirectory(volume.name, source, pod)
                } else if let source = volume.secret {
                    try project(volume.name, source, settings.secrets[source.name] ?? [:], pod, kind: "Secret")
                } else if let source = volume.configMap {
                    try project(volume.name, source, settings.configMaps[source.name] ?? [:], pod, kind: "ConfigMap")
                } else if let source = volume.hostPath {
                    try checkHostPath(source, volume: volume.name)
                }
            } catch {
                throw Failure("VolumeFailed", "volume \(volume.name): \(error)")
            }
            failpoint(.volumeMade, volume.name)
        }
    }

    /// Writes the files of `/etc` that the pod's name and address decide.
    func writeNames(_ pod: Pod, address: String) throws(LinuxError) {
        let directory = paths.etc(pod.uid)
        let hostname = pod.spec.hostname ?? pod.name
        try makeDirectories(directory, mode: 0o755)
        let hosts = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            \(address)\t\(hostname)

            """
        try replace("\(directory)/hosts", with: Array(hosts.utf8), mode: 0o644)
        try replace("\(directory)/hostname", with: Array((hostname + "\n").utf8), mode: 0o644)
        try replace("\(directory)/resolv.conf", with: Array(resolverConfiguration(pod.namespace).utf8), mode: 0o644)
        failpoint(.namesWritten)
    }

    /// The mounts of a container, in the order of its spec, behind the files of `/etc`.
    ///
    /// - Parameter rootID: the id that the pod's root has on the node, where it is not the node's.
    func mounts(
        for container: Container, of pod: Pod, rootID: UInt32? = nil
    ) throws(Failure) -> [ContainerMount] {
        var mounts = ["hosts", "hostname", "resolv.conf"].map { name in
            ContainerMount(
                source: .bind("\(paths.etc(pod.uid))/\(name)"), destination: "/etc/\(name)",
                readOnly: container.securityContext?.readOnlyRootFilesystem == true)
        }
        for mount in container.volumeMounts {
            guard let volume = pod.spec.volumes.first(where: { $0.name == mount.name }) else {
                throw Failure("VolumeFailed", "container \(container.name) mounts \(mount.name), which the pod has not")
            }
            let source = location(of: volume, pod)
            let subPath = try make(mount.subPath ?? "", below: source, volume: volume.name)
            let isProjected = volume.secret != nil || volume.configMap != nil
            var result = ContainerMount(
                source: .bind(source), subPath: subPath, destination: mount.mountPath,
                readOnly: mount.readOnly == true || isProjected)
            if let rootID, !mapsMemory, isOnMemory(volume) {
                do throws(LinuxError) {
                    try give(source, to: UserRange(first: rootID), withContent: isProjected)
                } catch {
                    throw Failure("VolumeFailed", "volume \(volume.name): \(error)")
                }
                result.keepsOwners = true
            }
            mounts.append(result)
        }
        return mounts
    }

    /// Removes every volume of a pod.
    func remove(podUID: String) throws(LinuxError) {
        let memory = paths.memoryVolumes(podUID)
        for name in (try? listDirectory(memory)) ?? [] {
            // A volume may be mounted more than once when a crash came between mounting and noting it.
            while umount2("\(memory)/\(name)", Int32(MNT_DETACH) | Int32(UMOUNT_NOFOLLOW)) == 0 {}
            failpoint(.volumeUnmounted, name)
        }
        try removeTree(memory)
        try removeTree(paths.diskVolumes(podUID))
    }

    /// Removes the log of one attempt of a container.
    func removeLog(podUID: String, container: String, attempt: Int) throws(LinuxError) {
        try removeTree(paths.log(podUID, container, attempt))
    }

    /// Removes every log of a pod.
    func removeLogs(podUID: String) throws(LinuxError) { try removeTree(paths.logs(podUID)) }

    /// The pods that have volumes or logs here.
    func podsWithRemains() -> Set<String> {
        var result = Set<String>()
        for folder in ["\(paths.data)/volumes", "\(paths.run)/volumes", "\(paths.data)/logs"] {
            result.formUnion((try? listDirectory(folder)) ?? [])
        }
        return result
    }

    // MARK: - Sources

    private func location(of volume: Volume, _ pod: Pod) -> String {
        if let source = volume.hostPath { return source.path }
        return (isOnMemory(volume) ? paths.memoryVolumes(pod.uid) : paths.diskVolumes(pod.uid)) + "/" + volume.name
    }

    private func isOnMemory(_ volume: Volume) -> Bool {
        volume.secret != nil || volume.configMap != nil || volume.emptyDir?.medium == "Memory"
    }

    /// Has a volume belong to the pod's users, where the kernel cannot show it so. Of what containers may write only the
    /// directory itself is changed: names in it could be exchanged meanwhile.
    private func give(_ path: String, to range: UserRange, withContent: Bool) throws(LinuxError) {
        var status = stat()
        try systemCall("lstat", path: path) { lstat(path, &status) }
        if status.st_uid < UserRange.count {
            let (user, group) = (range.onNode(status.st_uid), range.onNode(status.st_gid % UserRange.count))
            try systemCall("lchown", path: path) { lchown(path, user, group) }
        }
        guard withContent, status.st_mode & S_IFMT == S_IFDIR else { return }
        for name in try listDirectory(path) { try give("\(path)/\(name)", to: range, withContent: true) }
    }

    private func makeEmptyDirectory(_ name: String, _ source: EmptyDirSource, _ pod: Pod) throws(LinuxError) {
        guard source.medium == "Memory" else {
            let path = "\(paths.diskVolumes(pod.uid))/\(name)"
            try makeDirectories(path, mode: 0o777)
            // The umask took bits away; containers of any user write here.
            if chmod(path, 0o777) != 0 { throw LinuxError.last("chmod", path: path) }
            return
        }
        let size = source.sizeLimit.map { ",size=\($0.whole)" } ?? ""
        try mountMemory(name, pod, options: "mode=1777\(size)")
    }

    /// Mounts a tmpfs for a volume unless one is there.
    @discardableResult
    private func mountMemory(_ name: String, _ pod: Pod, options: String) throws(LinuxError) -> String {
        let path = "\(paths.memoryVolumes(pod.uid))/\(name)"
        try makeDirectories(path, mode: 0o755)
        if isMountPoint(path) { return path }
        let flags = UInt(MS_NOSUID) | UInt(MS_NODEV)
        guard mount("tmpfs", path, "tmpfs", flags, options) == 0 else {
            throw LinuxError.last("mount tmpfs", path: path)
        }
        failpoint(.volumeMounted, name)
        return path
    }

    /// Whether a directory is on another file system than its parent.
    private func isMountPoint(_ path: String) -> Bool {
        var own = stat()
        var parent = stat()
        guard lstat(path, &own) == 0, lstat(parentDirectory(of: path), &parent) == 0 else { return false }
        return own.st_dev != parent.st_dev
    }

    private func project(
        _ name: String, _ source: ProjectionSource, _ data: [String: [UInt8]], _ pod: Pod, kind: String
    ) throws(LinuxError) {
        let root = try mountMemory(name, pod, options: "mode=755,size=16m")
        let keys = data.keys.sorted()
        let items =
            source.items.isEmpty ? keys.map { key in ProjectionItem { ($0.key, $0.path) = (key, key) } } : source.items
        let mode = mode_t(source.mode ?? 0o644)
        for item in items {
            guard let bytes = data[item.key] else {
                if source.optional == true { continue }
                throw LinuxError("read", path: "\(kind) \(source.name)", errno: ENOENT, detail: "no key \(item.key)")
            }
            let parts = item.path.split(separator: "/")
            guard !parts.isEmpty, !parts.contains(".."), !parts.contains(".") else {
                throw LinuxError("write", path: item.path, errno: EINVAL, detail: "not a path below the volume")
            }
            let path = "\(root)/\(parts.joined(separator: "/"))"
            try makeDirectories(parentDirectory(of: path), mode: 0o755)
            try replace(path, with: bytes, mode: mode)
            failpoint(.volumeFileWritten, name)
        }
    }

    private func checkHostPath(_ source: HostPathSource, volume: String) throws(LinuxError) {
        switch source.type {
        case "DirectoryOrCreate": try makeDirectories(source.path, mode: 0o755)
        case "FileOrCreate" where !fileExists(source.path): try replace(source.path, with: [], mode: 0o644)
        default: break
        }
        var status = stat()
        guard stat(source.path, &status) == 0 else { throw LinuxError.last("use host path", path: source.path) }
        let kind = status.st_mode & S_IFMT
        let isRight =
            switch source.type {
            case "Directory", "DirectoryOrCreate": kind == S_IFDIR
            case "File", "FileOrCreate": kind == S_IFREG
            case "Socket": kind == S_IFSOCK
            default: true
            }
        if !isRight {
            throw LinuxError("use host path", path: source.path, errno: EINVAL, detail: "it is no \(source.type ?? "")")
        }
    }

    /// A path below a volume, made if it is missing. Symbolic links on the way are refused, here and again by the
    /// kernel when it is mounted: a container that may write the volume could otherwise lead the mount anywhere on the
    /// node (CVE-2021-25741).
    private func make(_ subPath: String, below root: String, volume: String) throws(Failure) -> String {
        let parts = subPath.split(separator: "/")
        if parts.isEmpty { return "" }
        if let part = parts.first(where: { $0 == ".." || $0 == "." }) {
            throw Failure("VolumeFailed", "volume \(volume): subPath \(subPath) must not contain \(part)")
        }
        let path = parts.joined(separator: "/")
        do throws(LinuxError) {
            try makeDirectories(path, below: root, mode: 0o755)
        } catch {
            let why = error.errno == ELOOP ? "leads through a symbolic link" : errnoText(error.errno)
            throw Failure("VolumeFailed", "volume \(volume): subPath \(subPath): \(why)")
        }
        return path
    }

    /// Writes a file in place of what was there, never through a link.
    private func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(LinuxError) {
        // A name that no key can have: the files beside this one are other keys.
        let temporary = "\(parentDirectory(of: path))/..new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw LinuxError.last("create", path: temporary) }
        defer { close(descriptor) }
        try writeAll(descriptor, bytes, path: temporary)
        guard fchmod(descriptor, mode) == 0, rename(temporary, path) == 0 else {
            throw LinuxError.last("write", path: path)
        }
    }
}
