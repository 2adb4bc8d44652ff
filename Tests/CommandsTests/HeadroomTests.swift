import Linux
import Testing

@testable import Commands

/// What `martlet doctor` says of what is left on a machine.
struct HeadroomTests {
    private func findings(_ change: (inout Headroom) -> Void) -> [String: Finding] {
        var headroom = Headroom(
            directory: "/data",
            room: FileSystemRoom(freeBytes: 50 << 30, bytes: 100 << 30, freeFiles: 900_000, files: 1_000_000),
            machine: MachineRoom { _ in "" }, descriptorLimit: 65_536)
        (headroom.machine.availableMemory, headroom.machine.memory) = (6 << 30, 8 << 30)
        (headroom.machine.processes, headroom.machine.processLimit) = (100, 32_768)
        (headroom.machine.openFiles, headroom.machine.openFileLimit) = (100, 100_000)
        change(&headroom)
        return Dictionary(uniqueKeysWithValues: headroom.findings.map { ($0.name, $0) })
    }

    @Test func `a machine with room has nothing to mend`() {
        let all = findings { _ in }
        #expect(all.keys.sorted() == ["descriptors", "disk", "inodes", "memory", "open files", "processes"])
        #expect(all.values.allSatisfy { $0.verdict == .holds && $0.remedy == nil })
        #expect(all["inodes"]?.found == "900000 of 1000000 free for /data")
        #expect(all["memory"]?.found == "6144 of 8192 MiB available")
    }

    @Test(
        "what is nearly used up is named with what mends it",
        arguments: [
            ("disk", "image gc", { @Sendable (it: inout Headroom) in it.room?.freeBytes = 1 << 20 }),
            ("inodes", "more inodes", { @Sendable (it: inout Headroom) in it.room?.freeFiles = 1000 }),
            ("memory", "ps aux", { @Sendable (it: inout Headroom) in it.machine.availableMemory = 100 << 20 }),
            ("processes", "ps -eLf", { @Sendable (it: inout Headroom) in it.machine.processes = 32_000 }),
            ("processes", "pid_max", { @Sendable (it: inout Headroom) in it.machine.processLimit = 4096 }),
            ("open files", "fs.file-max=200000", { @Sendable (it: inout Headroom) in it.machine.openFiles = 99_000 }),
            ("descriptors", "LimitNOFILE", { @Sendable (it: inout Headroom) in it.descriptorLimit = 1024 }),
        ] as [(String, String, @Sendable (inout Headroom) -> Void)])
    func short(name: String, remedy: String, change: @escaping @Sendable (inout Headroom) -> Void) {
        let all = findings(change)
        #expect(all.values.filter { $0.verdict != .holds }.map(\.name) == [name])
        #expect(all[name]?.remedy?.contains(remedy) == true)
    }

    @Test func `what cannot be told is not warned of, but a disk that cannot be examined fails`() {
        let all = findings { headroom in
            headroom.machine = MachineRoom { _ in "" }
            headroom.room?.files = 0
        }
        #expect(all.values.allSatisfy { $0.verdict == .holds })
        #expect(findings { $0.room = nil }["disk"]?.verdict == .fails)
    }
}
