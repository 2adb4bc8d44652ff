import CLinux
import Glibc
import Linux

/// Makes the namespaces that a pod's containers share, out of the supervisor's own.
public enum SandboxSetup {
    /// Kernel settings that every pod has unless it asks for others, as with Docker: any user may listen on any port and
    /// send pings, in a network that is the pod's own.
    static let defaultSysctls = [
        ("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647"),
    ]

    static func apply(_ config: SupervisorConfig) throws(LinuxError) {
        var namespaces = linux_clone_newipc
        if !config.hostNetwork { namespaces |= linux_clone_newnet | linux_clone_newuts }
        try systemCall("unshare") { linux_unshare(namespaces) }
        if !config.hostNetwork {
            try systemCall("sethostname", path: config.hostname) {
                sethostname(config.hostname, config.hostname.utf8.count)
            }
            try systemCall("raise interface", path: "lo") { linux_interface_up("lo") }
            for (name, value) in defaultSysctls where config.sysctls[name] == nil { try set(name, value) }
        }
        for (name, value) in config.sysctls.sorted(by: { $0.key < $1.key }) {
            if let problem = problem(name, value, hostNetwork: config.hostNetwork) {
                throw LinuxError("set", path: name, errno: EPERM, detail: problem)
            }
            try set(name, value)
        }
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

    private static func set(_ name: String, _ value: String) throws(LinuxError) {
        try writeFile("/proc/sys/" + name.split(separator: ".").joined(separator: "/"), value)
    }
}
