/// Stopping all processes of a cgroup at once, so that none can fork while the others are killed.
public enum FreezerController {
    /// The control file that stops or continues a cgroup's processes.
    public static func file(frozen: Bool, version: CgroupVersion) -> CgroupFile {
        switch version {
        case .v1: CgroupFile("freezer.state", frozen ? "FROZEN" : "THAWED")
        case .v2: CgroupFile("cgroup.freeze", frozen ? "1" : "0")
        }
    }

    /// Whether all processes have stopped; the kernel stops them one by one.
    static func isFrozen(directory: String, version: CgroupVersion) throws(LinuxError) -> Bool {
        switch version {
        case .v1: try readText("\(directory)/freezer.state").hasPrefix("FROZEN")
        case .v2: try readKeyed("\(directory)/cgroup.events", key: "frozen") == 1
        }
    }
}
