import Glibc
import Linux

/// A process as `/proc` shows it.
struct ProcessEntry {
    let pid: Int
    let parent: Int
    /// The arguments, with spaces between them.
    let commandLine: String

    /// All processes of the machine; those that end meanwhile are left out.
    static func all() throws -> [ProcessEntry] {
        try listDirectory("/proc").compactMap(Int.init).compactMap { pid in
            guard let status = try? readText("/proc/\(pid)/stat"), let close = status.lastIndex(of: ")") else {
                return nil
            }
            let fields = status[close...].split(separator: " ")
            guard fields.count > 2, let parent = Int(fields[2]) else { return nil }
            let arguments = (try? readText("/proc/\(pid)/cmdline")) ?? ""
            return ProcessEntry(
                pid: pid, parent: parent,
                commandLine: arguments.split(separator: "\0").joined(separator: " "))
        }
    }

    /// Memory in megabytes: what the process has for itself, and its share of what it has with others (proc(5), Pss).
    var proportionalMegabytes: Double {
        let lines = ((try? readText("/proc/\(pid)/smaps_rollup")) ?? "").split(separator: "\n")
        let pss = lines.first { $0.hasPrefix("Pss:") }?.split(separator: " ")[1] ?? "0"
        return (Double(pss) ?? 0) * 1024 / 1e6
    }
}

/// The processes that begin with these and go on with their children.
func tree(of roots: (ProcessEntry) -> Bool) throws -> [ProcessEntry] {
    let all = try ProcessEntry.all()
    var members = Set(all.filter(roots).map(\.pid))
    var before = -1
    while members.count != before {
        before = members.count
        for entry in all where members.contains(entry.parent) { members.insert(entry.pid) }
    }
    return all.filter { members.contains($0.pid) }
}
