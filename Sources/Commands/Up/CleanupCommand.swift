import ContainerRuntime
import DataPlane
import Glibc
import Linux
import Network

/// `martlet cleanup`: ends every container and removes what Martlet has on this machine.
enum CleanupCommand {
    static let command = Command(
        path: ["cleanup"], summary: "End every container and remove what Martlet has on this machine",
        discussion: """
            Containers, load balancer and DNS server outlive `martlet up`; this ends them, and removes their cgroups, mounts,
            network and sandboxes. Objects and images stay unless --purge is given, so that the next `martlet up` makes the pods
            again.
            """,
        options: [.dataDirectory, .init("purge", .flag, "Remove the data directory too: objects, images, keys")],
        examples: ["martlet cleanup", "martlet cleanup --purge"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        guard geteuid() == 0 else { throw CommandFailure(message: "martlet cleanup needs root") }
        let installation = try Installation(call)
        guard fileExists(installation.data) else {
            call.context.print("there is nothing in \(installation.data)")
            return 0
        }
        let lock = try InstallationLock(installation)
        defer { withExtendedLifetime(lock) {} }
        let runtime = try LinuxPodRuntime(
            dataDirectory: installation.data, runDirectory: installation.run, supervisorPath: "",
            images: installation.imageStore(),
            cgroupRoot: installation.cgroupRoot)
        let count = try runtime.observe().count
        try runtime.sweep(livePodUIDs: [])
        try HAProxyDirector.end(HAProxyOptions(directory: installation.proxy))
        try NameServer.end(directory: installation.names)
        let network = try NodePodNetwork(installation, cidr: NodeNetwork.defaultRange)
        try network.removeAll()
        for folder in ["\(installation.data)/volumes", "\(installation.run)/volumes"] { unmountBelow(folder) }
        for folder in ["volumes", "pods", "removed", "logs", "agent"] {
            try removeTree("\(installation.data)/\(folder)")
        }
        try removeTree(installation.run)
        try CgroupDriver.detect().remove(path: installation.cgroupRoot)
        if call.flag("purge") { try removeTree(installation.data) }
        call.context.print("ended \(count) pod\(count == 1 ? "" : "s"); nothing of Martlet is left running")
        return 0
    }

    /// Unmounts everything below a folder that Martlet made, the newest first.
    private static func unmountBelow(_ folder: String) {
        let mounts = (try? readText("/proc/self/mountinfo", limit: 16 << 20)) ?? ""
        let targets = mounts.split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            return words.count > 4 && words[4].hasPrefix(folder + "/") ? String(words[4]) : nil
        }
        for target in targets.reversed() { umount2(target, Int32(MNT_DETACH) | Int32(UMOUNT_NOFOLLOW)) }
    }
}
