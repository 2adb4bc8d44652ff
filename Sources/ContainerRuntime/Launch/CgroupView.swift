import Linux

/// What a container sees of its cgroups below `/sys/fs/cgroup`, read-only and from its own cgroup downwards.
struct CgroupView: Sendable, Hashable {
    /// A hierarchy.
    struct Hierarchy: Sendable, Hashable {
        /// The directory's name.
        var name: String
        /// `cgroup` or `cgroup2`.
        var type: String
        /// Options of the mount, as pairs of key and value.
        var options: [String]
    }
    /// The hierarchies on a machine that has v1 ones; none where there is only v2.
    var legacy: [Hierarchy]

    init(legacy: [Hierarchy]) { self.legacy = legacy }

    /// The view on a machine.
    init(_ driver: CgroupDriver) {
        var controllers: [String: [String]] = [:]
        for controller in [CgroupController.cpu, .cpuacct, .memory, .pids] {
            if let root = driver.legacy[controller] { controllers[root, default: []].append(controller.rawValue) }
        }
        legacy = controllers.sorted { $0.key < $1.key }.map { root, controllers in
            let name = root.split(separator: "/").last.map(String.init) ?? controllers.joined(separator: ",")
            return Hierarchy(name: name, type: "cgroup", options: controllers.flatMap { [$0, ""] })
        }
        if !legacy.isEmpty, driver.unified != nil {
            legacy.append(Hierarchy(name: "unified", type: "cgroup2", options: []))
        }
    }

    /// The steps that mount it.
    var steps: [LaunchStep] {
        let plain = MountAttributes.noSetUID | MountAttributes.noDevices | MountAttributes.noExecute
        let root = "/sys/fs/cgroup"
        guard !legacy.isEmpty else {
            return [
                .mount(type: "cgroup2", destination: root, options: [], attributes: plain | MountAttributes.readOnly)
            ]
        }
        var steps: [LaunchStep] = [
            .mount(type: "tmpfs", destination: root, options: ["mode", "755", "size", "64k"], attributes: plain)
        ]
        steps += legacy.map { hierarchy in
            .mount(
                type: hierarchy.type, destination: "\(root)/\(hierarchy.name)", options: hierarchy.options,
                attributes: plain)
        }
        // The tree as a whole: nothing is added or changed below it any more.
        return steps + [.readOnly(path: root)]
    }
}
