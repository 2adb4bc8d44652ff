import Glibc
import Linux

/// What a runtime has on the machine, and what this process holds: to be the same before and after.
struct Ledger: Equatable, CustomStringConvertible {
    private(set) var entries: [String] = []

    /// Looks at everything that a fixture's runtime could leave behind. Only in a process that does nothing else.
    init(_ fixture: RuntimeFixture) throws {
        entries += Self.descriptors()
        entries += try listDirectory("/proc/self/task").flatMap { task in
            ((try? readText("/proc/self/task/\(task)/children")) ?? "").split(separator: " ").map { "child \($0)" }
        }
        for folder in ["data/pods", "run/pods", "logs"] {
            entries += ((try? listDirectory("\(fixture.directory)/\(folder)")) ?? []).map { "file \(folder)/\($0)" }
        }
        entries += try CgroupDriver.detect().children(path: fixture.cgroupRoot).map { "cgroup \($0)" }
        entries += try readText("/proc/self/mountinfo").split(separator: "\n")
            .filter { $0.contains(fixture.directory) }.map { "mount \($0)" }
    }

    /// This process's open files, without the one that lists them.
    private static func descriptors() -> [String] {
        let names = (try? listDirectory("/proc/self/fd")) ?? []
        return names.compactMap { name in
            var bytes = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(name)", &bytes, bytes.count)
            guard count > 0 else { return nil }
            let target = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // Numbers are given out anew; what counts is what is open.
            return "descriptor \(target.split(separator: ":").first ?? "")"
        }.sorted()
    }

    var description: String { entries.joined(separator: "\n") }

    /// What another ledger has more of.
    func added(in later: Ledger) -> [String] {
        var rest = entries
        return later.entries.filter { entry in
            guard let index = rest.firstIndex(of: entry) else { return true }
            rest.remove(at: index)
            return false
        }
    }
}
