import Glibc
import Linux

/// What every container has and what is kept from it, as with Docker.
enum ContainerDefaults {
    /// Paths that tell of, or reach into, the machine; hidden where they exist.
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ]
    /// Paths of the machine's settings.
    static let readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    /// Device nodes that anyone may use.
    static let devices: [(path: String, major: UInt32, minor: UInt32)] = [
        ("/dev/null", 1, 3), ("/dev/zero", 1, 5), ("/dev/full", 1, 7), ("/dev/random", 1, 8), ("/dev/urandom", 1, 9),
        ("/dev/tty", 5, 0),
    ]
    static let deviceLinks = [
        ("/dev/ptmx", "pts/ptmx"), ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
    ]

    /// Limits that do not depend on how Martlet itself was started. Of descriptors, as many as servers need, and no more:
    /// programs that close every possible descriptor take minutes when there are a billion; the hard limit stays
    /// the inherited one. No core dumps: they would be written by, and often to, the node (core(5)).
    static let limits: [LaunchStep] = [
        .limit(resource: Int32(RLIMIT_NOFILE.rawValue), soft: 65536, hard: UInt64(Int64.max)),
        .limit(resource: Int32(RLIMIT_CORE.rawValue), soft: 0, hard: 0),
    ]

    /// The group of terminals, `tty`.
    private static let terminalGroup: UInt32 = 5

    /// The kernel's file systems and the device nodes.
    static func mounts(_ range: UserRange?) -> [LaunchStep] {
        let group = range?.onNode(terminalGroup) ?? terminalGroup
        let plain = MountAttributes.noSetUID | MountAttributes.noExecute
        let strict = plain | MountAttributes.noDevices
        return [
            .mount(type: "proc", destination: "/proc", options: [], attributes: strict),
            .mount(
                type: "tmpfs", destination: "/dev", options: ["mode", "755", "size", "65536k"],
                attributes: MountAttributes.noSetUID | MountAttributes.strictAccessTime),
            .mount(
                type: "devpts", destination: "/dev/pts",
                options: ["newinstance", "", "ptmxmode", "0666", "mode", "0620", "gid", "\(group)"], attributes: plain),
            .mount(
                type: "tmpfs", destination: "/dev/shm", options: ["mode", "1777", "size", "65536k"],
                attributes: strict),
            .mount(type: "mqueue", destination: "/dev/mqueue", options: [], attributes: strict),
            .mount(type: "sysfs", destination: "/sys", options: [], attributes: strict | MountAttributes.readOnly),
        ]
            + devices.map { .device(path: $0.path, mode: 0o666, major: $0.major, minor: $0.minor) }
            + deviceLinks.map { .symlink(path: $0.0, target: $0.1) }
    }
}
