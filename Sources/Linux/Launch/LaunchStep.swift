/// One thing that a new process does between its creation and its program's first instruction, in order.
///
/// Paths named `path` or `destination` are resolved inside the root that `overlayRoot` mounts (or, in a process that
/// joined a container, the container's): no symbolic link leads outside. Options are pairs of key and value, one
/// after the other; an empty value means a flag. Attributes are `MountAttributes`.
public enum LaunchStep: Sendable, Hashable {
    /// Joins the launch's v1 cgroups.
    case joinCgroups
    /// Leaves namespaces for new ones.
    case unshare(flags: Int32)
    /// Stops mounts from propagating to and from the node.
    case privateMounts
    /// What later steps make belongs to this user and group of the node; all capabilities stay.
    case ownFiles(id: UInt32)
    /// Shows a directory of the node with the owners of the launch's user namespace, to this process only.
    case mapOwners(path: String)
    /// Mounts an overlay at a path of the node; later steps resolve paths in it. With `data`, by mount(2), whose data
    /// is limited to a page; without, by fsconfig(2), for which overlay takes `lowerdir+` since Linux 6.5.
    case overlayRoot(at: String, data: String?, options: [String])
    /// Mounts a kernel file system; the destination may not pass through a symbolic link.
    case mount(type: String, destination: String, options: [String], attributes: UInt64)
    /// Binds a file or a tree of the node.
    case bind(source: String, destination: String, attributes: UInt64)
    /// Binds what is at a path below a directory of the node; no symbolic link may be in that path.
    case bindBelow(root: String, path: String, destination: String, attributes: UInt64)
    /// Mounts an empty memory file system.
    case temporary(destination: String, options: [String], attributes: UInt64)
    /// Makes a directory and those above it, unless they are there.
    case directory(path: String, mode: UInt32)
    /// Makes a character device.
    case device(path: String, mode: UInt32, major: UInt32, minor: UInt32)
    /// Makes a symbolic link.
    case symlink(path: String, target: String)
    /// Hides a file or a directory, if it is there.
    case mask(path: String)
    /// Makes a file or a tree read-only, if it is there.
    case readOnly(path: String)
    /// Opens a pseudo-terminal of the container for a user of the node.
    case terminal(user: UInt32)
    /// Binds the terminal to `/dev/console`.
    case console
    /// Makes the root read-only.
    case readOnlyRoot
    /// Makes the root the process's root, and lets go of the node's.
    case pivot
    /// Begins a session, of which the terminal is the controlling one.
    case newSession
    /// Joins a new session keyring.
    case newKeyring
    /// Connects the standard streams; pipes become those of a user of the node.
    case streams(user: UInt32)
    /// Sets a resource limit, as far as that is allowed.
    case limit(resource: Int32, soft: UInt64, hard: UInt64)
    /// Sets the mask of file modes.
    case umask(mask: UInt32)
    /// Joins the launch's user namespace: ids are from now on those of the container.
    case joinUserNamespace
    /// Drops all capabilities but these from the bounding set.
    case boundingSet(mask: UInt64)
    /// Becomes a user with a group and supplementary groups.
    case user(user: UInt32, group: UInt32, groups: [UInt32])
    /// Sets the permitted and effective capabilities; the inheritable and ambient ones become empty.
    case capabilities(mask: UInt64)
    /// Renounces privileges that programs could give.
    case noNewPrivileges
    /// Installs a system call filter, given as the hexadecimal bytes of its program.
    case seccomp(program: String)
    /// Changes to a directory, and makes sure that it is inside the root.
    case workingDirectory(path: String)
    /// Has the process killed when its parent ends.
    case parentDeathSignal(signal: Int32)
    /// Executes the first of the candidates that exists.
    case execute(candidates: [String], arguments: [String], environment: [String])
}

/// Restrictions of a mount, as mount_setattr(2) defines them.
public enum MountAttributes {
    /// `MOUNT_ATTR_RDONLY`.
    public static let readOnly: UInt64 = 0x1
    /// `MOUNT_ATTR_NOSUID`.
    public static let noSetUID: UInt64 = 0x2
    /// `MOUNT_ATTR_NODEV`.
    public static let noDevices: UInt64 = 0x4
    /// `MOUNT_ATTR_NOEXEC`.
    public static let noExecute: UInt64 = 0x8
    /// `MOUNT_ATTR_STRICTATIME`.
    public static let strictAccessTime: UInt64 = 0x20
    /// `MOUNT_ATTR_IDMAP`: owners are those of the launch's user namespace.
    public static let mappedOwners: UInt64 = 0x10_0000
}

extension LaunchStep: CustomStringConvertible {
    /// What the step does and on what, as the beginning of an error message: `mount proc on /proc`.
    public var description: String {
        switch self {
        case .mount(let type, let destination, _, _): "mount \(type) on \(destination)"
        case .bind(let source, let destination, _): "bind \(source) to \(destination)"
        case .mapOwners(let path): "map the owners of \(path)"
        case .bindBelow(let root, let path, let destination, _): "bind \(root)/\(path) to \(destination)"
        case .temporary(let destination, _, _): "mount tmpfs on \(destination)"
        case .overlayRoot(let path, _, _): "mount the root file system on \(path)"
        case .directory(let path, _): "make directory \(path)"
        case .device(let path, _, _, _): "make device \(path)"
        case .symlink(let path, _): "make symbolic link \(path)"
        case .mask(let path): "mask \(path)"
        case .readOnly(let path): "make \(path) read-only"
        case .workingDirectory(let path): "change to working directory \(path)"
        case .user(let user, let group, _): "become user \(user):\(group)"
        case .execute(_, let arguments, _): "execute \(arguments.first ?? "")"
        default: shortDescription
        }
    }

    /// Whether it shows files with other owners than they are stored with.
    var mapsOwners: Bool {
        switch self {
        case .mapOwners: true
        case .bind(_, _, let attributes), .bindBelow(_, _, _, let attributes):
            attributes & MountAttributes.mappedOwners != 0
        default: false
        }
    }

    private var shortDescription: String {
        switch self {
        case .joinCgroups: "join the cgroups"
        case .unshare: "make namespaces"
        case .privateMounts: "stop the propagation of mounts"
        case .terminal: "open a terminal"
        case .console: "bind /dev/console"
        case .readOnlyRoot: "make the root file system read-only"
        case .pivot: "change the root"
        case .newSession: "begin a session"
        case .newKeyring: "join a keyring"
        case .streams: "connect the standard streams"
        case .limit(let resource, _, _): "set resource limit \(resource)"
        case .umask: "set the file mode mask"
        case .ownFiles(let id): "own files as \(id)"
        case .joinUserNamespace: "join the pod's user namespace"
        case .boundingSet: "drop capabilities"
        case .capabilities: "set capabilities"
        case .noNewPrivileges: "renounce new privileges"
        case .seccomp: "install the system call filter"
        case .parentDeathSignal: "bind to the life of the supervisor"
        default: "start"
        }
    }
}
