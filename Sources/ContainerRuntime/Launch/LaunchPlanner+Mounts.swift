import Linux

extension LaunchPlanner {
    /// How much mount(2) takes as data: a page, with the zero at its end.
    private static let longestData = 4095

    /// The root: the image's layers under the container's own directory. What the container wrote is thrown away with
    /// it, so nothing waits for the disk (`volatile`).
    var overlay: LaunchStep {
        let lower = layers.map { Self.escape($0, ":,\\") }.joined(separator: ":")
        let own = "upperdir=\(Self.escape(paths.upper, ",\\")),workdir=\(Self.escape(paths.work, ",\\"))"
        let data = "lowerdir=\(lower),\(own),volatile"
        if data.utf8.count <= Self.longestData { return .overlayRoot(at: paths.root, data: data, options: []) }
        let options = layers.flatMap { ["lowerdir+", $0] }
        return .overlayRoot(
            at: paths.root, data: nil,
            options: options + ["upperdir", paths.upper, "workdir", paths.work, "volatile", ""])
    }

    private static func escape(_ text: String, _ special: String) -> String {
        var result = ""
        for character in text {
            if special.contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }

    /// The step for one of the user's mounts.
    func step(for mount: ContainerMount) throws(RuntimeError) -> LaunchStep {
        let destination = try Self.destination(mount.destination)
        var attributes = MountAttributes.noSetUID | MountAttributes.noDevices
        if mount.readOnly { attributes |= MountAttributes.readOnly }
        switch mount.source {
        case .bind(let source):
            guard source.hasPrefix("/") else {
                throw RuntimeError(.invalid, "mount source \"\(source)\" is not an absolute path")
            }
            if userRange != nil, !mount.keepsOwners { attributes |= MountAttributes.mappedOwners }
            if mount.subPath.isEmpty {
                return .bind(source: source, destination: destination, attributes: attributes)
            }
            return .bindBelow(root: source, path: mount.subPath, destination: destination, attributes: attributes)
        case .tmpfs(let size):
            var options = ["mode", "1777"]
            if let size {
                guard size > 0 else { throw RuntimeError(.invalid, "size \(size) of \(destination) is not positive") }
                options += ["size", "\(size)"]
            }
            return .temporary(destination: destination, options: options, attributes: attributes)
        }
    }

    /// A mount's destination without redundant slashes and dots. It may not leave the root, be the root, or hide /proc,
    /// through which the runtime and programs talk to the kernel (CVE-2019-16884).
    static func destination(_ path: String) throws(RuntimeError) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard path.hasPrefix("/"), !parts.contains("..") else {
            throw RuntimeError(.invalid, "mount destination \"\(path)\" is not an absolute path without \"..\"")
        }
        guard let first = parts.first else { throw RuntimeError(.invalid, "nothing can be mounted over /") }
        let isDevices = first == "dev" && parts.count == 1
        let isKernel = first == "sys" && parts.count == 1
        guard first != "proc", !isDevices, !isKernel else {
            throw RuntimeError(.invalid, "nothing can be mounted over \(path), which belongs to the kernel")
        }
        return "/" + parts.joined(separator: "/")
    }

    /// No text may contain a zero byte: the kernel would see only what is before it.
    func checkTexts() throws(RuntimeError) {
        let mounts = config.mounts.flatMap { mount in
            if case .bind(let source) = mount.source {
                [mount.destination, source, mount.subPath]
            } else {
                [mount.destination]
            }
        }
        let texts =
            environment + (try arguments()) + [workingDirectory, config.logPath] + mounts + layers
        if let text = texts.first(where: { $0.utf8.contains(0) }) {
            throw RuntimeError(.invalid, "\"\(text)\" contains a zero byte")
        }
        for (name, _) in config.environment where name.isEmpty || name.contains("=") {
            throw RuntimeError(.invalid, "\"\(name)\" is not the name of a variable")
        }
        guard config.logPath.hasPrefix("/") else {
            throw RuntimeError(.invalid, "log path \"\(config.logPath)\" is not absolute")
        }
    }
}
