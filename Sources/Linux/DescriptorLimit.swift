import Glibc

/// How many descriptors this process may have open (getrlimit(2), `RLIMIT_NOFILE`).
public struct DescriptorLimit: Sendable, Hashable {
    /// How many it may have now.
    public var soft: UInt64
    /// Up to how many it may raise that itself.
    public var hard: UInt64

    /// Looks at this process.
    public init() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        (soft, hard) = (UInt64(limit.rlim_cur), UInt64(limit.rlim_max))
    }
}
