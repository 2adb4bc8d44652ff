import CLinux
import Glibc
import Linux

/// Makes the namespaces that a pod's containers share, out of the supervisor's own.
public enum SandboxSetup {
    /// Kernel settings that every pod has unless it asks for others, as with Docker: any user may listen on any port and
    /// send pings, in a network that is the pod's own.
    static let defaultSysctls = [
        ("net.ipv4.ip_unprivileged_port_start", "0"), (groupRange, "0 2147483647"),
    ]
    private static let groupRange = "net.ipv4.ping_group_range"

    /// - Returns: the pod's user namespace.
    static func apply(_ config: SupervisorConfig) throws(LinuxError) -> Int32? {
        let userNamespace = try enterNamespaces(config)
        if !config.hostNetwork {
            try systemCall("raise interface", path: "lo") { linux_interface_up("lo") }
            for (name, value) in defaultSysctls where config.sysctls[name] == nil {
                try set(name, value, config.userRange)
            }
        }
        if config.parking == nil { try personalize(config) }
        return userNamespace
    }

    /// What of the namespaces depends on the pod.
    static func personalize(_ config: SupervisorConfig) throws(LinuxError) {
        if !config.hostNetwork {
            try systemCall("sethostname", path: config.hostname) {
                sethostname(config.hostname, config.hostname.utf8.count)
            }
        }
        for (name, value) in config.sysctls.sorted(by: { $0.key < $1.key }) {
            if let problem = problem(name, value, hostNetwork: config.hostNetwork) {
                throw LinuxError("set", path: name, errno: EPERM, detail: problem)
            }
            try set(name, value, config.userRange)
        }
    }

    /// What the other namespaces belong to decides whether a container's capabilities act on them: that is the pod's user
    /// namespace, where it has one.
    private static func enterNamespaces(_ config: SupervisorConfig) throws(LinuxError) -> Int32? {
        var namespaces = linux_clone_newipc
        if !config.hostNetwork { namespaces |= linux_clone_newnet | linux_clone_newuts }
        if let range = config.userRange { return try UserNamespace.make(range, entering: namespaces) }
        try systemCall("unshare") { linux_unshare(namespaces) }
        return nil
    }

    /// Why a kernel setting may not be made; nil when it may. Only settings of namespaces that a pod has for itself may
    /// be: anything else would change the node (CVE-2022-0811).
    public static func problem(_ name: String, _ value: String, hostNetwork: Bool) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { isNameByte($0) }
        }
        guard isPlain, parts.count > 1 else { return "\"\(name)\" is not the name of a kernel setting" }
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }), value.utf8.count < 4096 else {
            return "the value of \(name) is not plain text"
        }
        let ipc = ["kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem"].contains(name)
        if ipc || name.hasPrefix("kernel.shm") || name.hasPrefix("fs.mqueue.") { return nil }
        if name.hasPrefix("net.") {
            return hostNetwork ? "\(name) belongs to the node when the pod uses the node's network" : nil
        }
        return "\(name) is not a setting that a pod has for itself; allowed are net.*, kernel.shm*, kernel.msg*, "
            + "kernel.sem and fs.mqueue.*"
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func set(_ name: String, _ value: String, _ range: UserRange?) throws(LinuxError) {
        let path = "/proc/sys/" + name.split(separator: ".").joined(separator: "/")
        guard let range else { return try writeFile(path, value) }
        let value = name == groupRange ? onNode(value, range) : value
        do {
            try writeFile(path, value)
        } catch  where error.errno == EACCES {
            // Since Linux 6.9 settings of an IPC namespace are written by its own root and by nobody else.
            try systemCall("seteuid") { seteuid(range.first) }
            defer {
                seteuid(0)
                _ = linux_set_dumpable(0)  // A change of user sets it anew (prctl(2)).
            }
            try writeFile(path, value)
        }
    }

    /// The one setting that names ids: they are meant as the pod's, and read as the node's.
    private static func onNode(_ value: String, _ range: UserRange) -> String {
        let last = UserRange.count - 1
        return value.split(whereSeparator: { $0 == " " || $0 == "\t" })
            .map { UInt32($0).map { "\(range.onNode(min($0, last)))" } ?? String($0) }.joined(separator: " ")
    }
}
