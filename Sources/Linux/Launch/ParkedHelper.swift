import CLinux
import Glibc

/// A process that has joined v1 cgroups and waits in them to start one process for `Launch`, which then need not join.
/// See `linux_park`.
///
/// For a process with one thread, and for that thread.
public final class ParkedHelper {
    let raw: OpaquePointer

    /// Makes one in the cgroups of some join files.
    public init(joining procs: [String]) throws(LinuxError) {
        var files: [Int32] = []
        defer { for file in files { close(file) } }
        for path in procs { files.append(try Descriptor(opening: path, flags: O_WRONLY).release()) }
        guard let raw = linux_park(files, UInt32(files.count)) else { throw LinuxError.last("join cgroups") }
        self.raw = raw
    }

    deinit { linux_unpark(raw) }
}
