/// Weight, quota and use of processor time.
public enum CPUController {
    /// The period in which a quota is counted, in microseconds; the kernel's default.
    public static let periodMicroseconds: Int64 = 100_000

    /// The control files for some resources.
    public static func files(for resources: CgroupResources, version: CgroupVersion) -> [CgroupFile] {
        var files: [CgroupFile] = []
        if let weight = resources.cpuWeightMillicores {
            let shares = shares(millicores: weight)
            switch version {
            case .v1: files.append(CgroupFile("cpu.shares", "\(shares)"))
            case .v2: files.append(CgroupFile("cpu.weight", "\(self.weight(shares: shares))"))
            }
        }
        if let limit = resources.cpuLimitMillicores {
            let quota = quotaMicroseconds(millicores: limit)
            switch version {
            case .v1:
                files.append(CgroupFile("cpu.cfs_period_us", "\(periodMicroseconds)"))
                files.append(CgroupFile("cpu.cfs_quota_us", "\(quota)"))
            case .v2: files.append(CgroupFile("cpu.max", "\(quota) \(periodMicroseconds)"))
            }
        }
        return files
    }

    /// The v1 shares for a request: 1024 for one processor, within the kernel's bounds of 2 and 262144.
    static func shares(millicores: Int64) -> Int64 {
        let bounded = min(max(millicores, 0), 262_144_000)
        return min(max(bounded * 1024 / 1000, 2), 262_144)
    }

    /// The v2 weight of 1 to 10000 for v1 shares of 2 to 262144: the linear map that systemd, runc and the kubelet use,
    /// `1 + (shares - 2) * 9999 / 262142`.
    static func weight(shares: Int64) -> Int64 {
        1 + (shares - 2) * 9999 / 262_142
    }

    /// The quota for a limit: 100 µs of each period for a thousandth of a processor; at least the 1 ms that the kernel
    /// demands.
    static func quotaMicroseconds(millicores: Int64) -> Int64 {
        let bounded = min(max(millicores, 0), 1_000_000_000)
        return max(bounded * periodMicroseconds / 1000, 1000)
    }

    /// Nanoseconds used by a cgroup: `cpu.stat`'s `usage_usec` on v2, which is there without the controller, or
    /// `cpuacct.usage` on v1.
    static func usage(directory: String, version: CgroupVersion) throws(LinuxError) -> UInt64 {
        switch version {
        case .v1: try readCounter("\(directory)/cpuacct.usage")
        case .v2: try readKeyed("\(directory)/cpu.stat", key: "usage_usec").multipliedSaturating(by: 1000)
        }
    }
}

extension UInt64 {
    fileprivate func multipliedSaturating(by factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
