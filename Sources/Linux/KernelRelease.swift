/// A version of the kernel. What came with one is there in every later one.
public struct KernelRelease: Sendable, Hashable, Comparable {
    /// The first number.
    public var major: Int
    /// The second number.
    public var minor: Int

    /// The version of these numbers.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads what uname(1) tells, such as `6.1.0-18-amd64`.
    public init?(_ text: String) {
        let numbers = text.split { $0 == "." || $0 == "-" }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        self.init(numbers[0], numbers[1])
    }

    /// The kernel that runs here; nil when it does not tell.
    public static var running: KernelRelease? {
        (try? readText("/proc/sys/kernel/osrelease")).flatMap { KernelRelease($0) }
    }

    /// Whether a version came before another one.
    public static func < (one: KernelRelease, other: KernelRelease) -> Bool {
        (one.major, one.minor) < (other.major, other.minor)
    }

    /// Since when overlays take layers whose owners are mapped.
    public static let mapsLayers = KernelRelease(5, 19)
    /// Since when owners of a tmpfs can be mapped.
    public static let mapsMemory = KernelRelease(6, 3)
}
