import Linux

/// Who a container's processes are and what they may do: the same for its first process and for those that `exec`
/// starts in it.
public struct ProcessIdentity: Codable, Sendable, Hashable {
    /// The ids that users and groups have on the node; nil when they are the same there.
    public var userRange: UserRange?
    /// The user.
    public var user: UInt32
    /// The group.
    public var group: UInt32
    /// Supplementary groups.
    public var groups: [UInt32]
    /// The capabilities that programs may have at most (capabilities(7), bounding set).
    public var capabilities: UInt64
    /// Whether programs may not give privileges.
    public var noNewPrivileges: Bool
    /// The system call filter as hexadecimal bytes of a BPF program; nil for none.
    public var seccomp: String?
    /// Resource limits, as `limit` steps.
    public var limits: [LaunchStep]
    /// The directory to start in.
    public var workingDirectory: String
    /// Variables as `NAME=value`.
    public var environment: [String]

    /// Describes processes.
    public init(
        userRange: UserRange? = nil, user: UInt32, group: UInt32, groups: [UInt32], capabilities: UInt64,
        noNewPrivileges: Bool, seccomp: String?, limits: [LaunchStep] = [], workingDirectory: String,
        environment: [String]
    ) {
        self.userRange = userRange
        self.user = user
        self.group = group
        self.groups = groups
        self.capabilities = capabilities
        self.noNewPrivileges = noNewPrivileges
        self.seccomp = seccomp
        self.limits = limits
        self.workingDirectory = workingDirectory
        self.environment = environment
    }

    /// The user's id on the node.
    public var userOnNode: UInt32 { userRange?.onNode(user) ?? user }

    /// The steps from inside the container's root to the running program.
    ///
    /// The filter is installed last. Without `no_new_privs` that takes a capability (seccomp(2)) which the
    /// process then has no more, so there it goes before the change of user, as in runc.
    public func steps(arguments: [String]) -> [LaunchStep] {
        let filter = seccomp.map { [LaunchStep.seccomp(program: $0)] } ?? []
        var steps: [LaunchStep] = [
            .newSession, .newKeyring, .streams(user: userOnNode), .umask(mask: 0o022),
        ]
        // Before the user changes: to raise a hard limit takes a capability.
        steps += limits
        // It gives all capabilities in the namespace back, so they are dropped after it.
        if userRange != nil { steps.append(.joinUserNamespace) }
        steps.append(.boundingSet(mask: capabilities))
        if !noNewPrivileges { steps += filter }
        steps += [
            .user(user: user, group: group, groups: groups),
            .capabilities(mask: user == 0 ? capabilities : 0),
            .parentDeathSignal(signal: 9),
            .workingDirectory(path: workingDirectory),
        ]
        if noNewPrivileges { steps += [.noNewPrivileges] + filter }
        let candidates = Self.candidates(for: arguments.first ?? "", environment: environment)
        steps.append(.execute(candidates: candidates, arguments: arguments, environment: environment))
        return steps
    }

    /// Where a program is looked for: the name itself when it has a slash, else the directories of the container's PATH.
    static func candidates(for program: String, environment: [String]) -> [String] {
        guard !program.isEmpty, !program.contains("/") else { return program.isEmpty ? [] : [program] }
        let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? defaultPath[...]
        return path.split(separator: ":", omittingEmptySubsequences: true).map { "\($0)/\(program)" }
    }

    /// The PATH of containers whose image names none.
    public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
