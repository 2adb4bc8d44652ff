import CCap

/// A set of Linux capabilities: see capabilities(7).
public struct CapabilitySet: Sendable, Hashable {
    /// Bit `n` stands for the capability with the number `n`, as in `CapBnd` of proc_pid_status(5).
    public var mask: UInt64

    /// Makes a set out of a mask.
    public init(mask: UInt64) { self.mask = mask }

    /// No capability.
    public static let none = CapabilitySet(mask: 0)

    /// Every capability that the running kernel knows.
    public static let all: CapabilitySet = {
        let count = min(max(Int(cap_max_bits()), 0), 64)
        return CapabilitySet(mask: count == 64 ? .max : (1 << UInt64(count)) - 1)
    }()

    /// What a container has unless it asks for something else: what Docker and containerd give, without `CAP_NET_RAW`,
    /// with which a container could pretend to be another pod. Pings need no capability (`SandboxSetup`).
    public static let containerDefaults: CapabilitySet = [
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD, CAP_SETGID, CAP_SETUID, CAP_SETFCAP,
        CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
    ]

    /// What this process may hand on: its bounding set. A container cannot have more, whatever it asks for.
    public static func bounding() -> CapabilitySet {
        all.members.filter { cap_get_bound($0) == 1 }
            .reduce(into: .none) { set, number in set.mask |= 1 << UInt64(number) }
    }

    /// Whether the capability with a number, such as `CAP_SYS_ADMIN`, is in the set.
    public func contains(_ number: Int32) -> Bool { mask & 1 << UInt64(number) != 0 }

    /// The numbers in the set, in ascending order.
    public var members: [Int32] { (0..<64).filter { contains($0) } }

    /// The names in the set without `CAP_`, in upper case, in the order of their numbers.
    public var names: [String] { members.map { Self.name(of: $0) } }

    /// What is in both sets.
    public func intersection(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(mask: mask & other.mask) }

    /// The set with capabilities dropped, then others added, each by name with or without `CAP_`, in any case, or `ALL`.
    /// A name outweighs `ALL`: with `ALL` dropped what is named is added, with `ALL` added what is named is dropped.
    ///
    /// - Throws: `invalid` for an unknown name, with the nearest known one.
    public func applying(drop: [String], add: [String]) throws(RuntimeError) -> CapabilitySet {
        let (dropped, dropsAll) = try Self.parse(drop)
        let (added, addsAll) = try Self.parse(add)
        if addsAll { return CapabilitySet(mask: Self.all.mask & ~dropped.mask | added.mask) }
        if dropsAll { return added }
        return CapabilitySet(mask: mask & ~dropped.mask | added.mask)
    }

    private static func parse(_ names: [String]) throws(RuntimeError) -> (CapabilitySet, all: Bool) {
        var set = none
        var all = false
        for name in names {
            if name.uppercased() == "ALL" {
                all = true
            } else {
                set.mask |= 1 << UInt64(try number(of: name))
            }
        }
        return (set, all)
    }

    /// The number of a capability by its name.
    static func number(of name: String) throws(RuntimeError) -> Int32 {
        let upper = name.uppercased()
        let bare = upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper
        var number: Int32 = 0
        // libcap also takes numbers, which a manifest must not depend on.
        if bare.first?.isLetter == true, cap_from_name("CAP_\(bare)", &number) == 0, (0..<64).contains(number) {
            return number
        }
        let nearest = all.names.map { (name: $0, distance: editDistance($0, bare)) }.min { $0.distance < $1.distance }
        var hint = ""
        if let nearest, nearest.distance <= min(3, bare.count / 3) { hint = ": did you mean \(nearest.name)?" }
        throw RuntimeError(.invalid, "unknown capability \(name)\(hint)")
    }

    /// The name of a capability; its number where libcap has no name.
    private static func name(of number: Int32) -> String {
        guard let text = cap_to_name(number) else { return "\(number)" }
        defer { cap_free(text) }
        let name = String(cString: text).uppercased()
        return name.hasPrefix("CAP_") ? String(name.dropFirst(4)) : name
    }
}

extension CapabilitySet: ExpressibleByArrayLiteral {
    /// Makes a set out of numbers such as `CAP_KILL`.
    public init(arrayLiteral numbers: Int32...) {
        self.init(mask: numbers.reduce(0) { $0 | 1 << UInt64($1) })
    }
}

/// How many characters must be inserted, deleted or replaced to make one text out of the other.
private func editDistance(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (i, character) in first.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in second.indices {
            let replaced = diagonal + (character == second[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[second.count]
}
