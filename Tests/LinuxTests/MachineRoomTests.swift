import Linux
import Testing

/// What is read of the machine's files about what is left.
struct MachineRoomTests {
    private static let files = [
        "/proc/meminfo": "MemTotal:       24610000 kB\nMemFree:         100 kB\nMemAvailable:   12000000 kB\n",
        "/proc/loadavg": "0.20 0.18 0.12 1/180 11206\n",
        "/proc/sys/kernel/pid_max": "4194304\n",
        "/proc/sys/kernel/threads-max": "192000\n",
        "/proc/sys/fs/file-nr": "1632\t0\t2097152\n",
    ]

    @Test func `memory, processes and open files are read`() {
        let room = MachineRoom { Self.files[$0] ?? "" }
        #expect(room.memory == 24_610_000 << 10)
        #expect(room.availableMemory == 12_000_000 << 10)
        #expect((room.processes, room.processLimit) == (180, 192_000))
        #expect((room.openFiles, room.openFileLimit) == (1632, 2_097_152))
    }

    @Test(arguments: ["", "nothing\n", "MemAvailable:\n", "1 2 3 x\n"])
    func `what does not look as expected is not known`(text: String) {
        let room = MachineRoom { _ in text }
        #expect((room.memory, room.availableMemory) == (0, 0))
        #expect(room.processes == 0)
    }

    @Test func `this machine tells`() {
        let room = MachineRoom()
        #expect(room.memory > 0 && room.availableMemory > 0 && room.availableMemory <= room.memory)
        #expect(room.processes > 0 && room.processLimit > room.processes)
        #expect(room.openFileLimit > 0)
    }
}
