/// Leave to use a kind of device nodes, in the words of Documentation/admin-guide/cgroup-v1/devices.rst.
public struct CgroupDeviceRule: Sendable, Hashable {
    /// The kind of the device nodes.
    public enum Kind: String, Sendable, Hashable {
        /// Character devices.
        case character = "c"
        /// Block devices.
        case block = "b"
    }
    /// The kind of the device nodes.
    public var kind: Kind
    /// Their major number; nil for any.
    public var major: UInt32?
    /// Their minor number; nil for any.
    public var minor: UInt32?
    /// Whether they may be read.
    public var read: Bool
    /// Whether they may be written.
    public var write: Bool
    /// Whether nodes of theirs may be made.
    public var makeNode: Bool

    /// Makes a rule.
    public init(
        _ kind: Kind, major: UInt32?, minor: UInt32?, read: Bool = true, write: Bool = true, makeNode: Bool = true
    ) {
        self.kind = kind
        self.major = major
        self.minor = minor
        self.read = read
        self.write = write
        self.makeNode = makeNode
    }

    /// The devices of any container: null, zero, full, random, urandom, tty, console, ptmx and the pseudo-terminals.
    /// Nodes of other devices may be made, as tar and package managers do, but not opened.
    public static let containerDefaults: [CgroupDeviceRule] =
        [CgroupDeviceRule(.character, major: nil, minor: nil, read: false, write: false)]
        + [CgroupDeviceRule(.block, major: nil, minor: nil, read: false, write: false)]
        + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)].map {
            CgroupDeviceRule(.character, major: $0.0, minor: $0.1)
        }
        + [CgroupDeviceRule(.character, major: 136, minor: nil)]
}

/// Which devices may be used. On v1 by control files; v2 has none, there it is a program: `DeviceProgram`.
public enum DevicesController {
    /// The control files for some resources on v1: everything is refused, then the rules are allowed.
    public static func files(for resources: CgroupResources, version: CgroupVersion) -> [CgroupFile] {
        guard version == .v1, let rules = resources.devices else { return [] }
        return [CgroupFile("devices.deny", "a")] + rules.map { CgroupFile("devices.allow", line(for: $0)) }
    }

    private static func line(for rule: CgroupDeviceRule) -> String {
        let major = rule.major.map(String.init) ?? "*"
        let minor = rule.minor.map(String.init) ?? "*"
        let access = (rule.read ? "r" : "") + (rule.write ? "w" : "") + (rule.makeNode ? "m" : "")
        return "\(rule.kind.rawValue) \(major):\(minor) \(access)"
    }
}
