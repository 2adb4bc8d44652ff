import ContainerRuntime
import Glibc
import Linux
import Model

/// The measurement: rounds of starts, ours and theirs alternating, first back to back, then after 80 ms of rest each.
final class LaunchBench {
    private static let idleMicroseconds: UInt32 = 80_000
    private static let startsPerRound = 10

    private let directory: String
    private let rounds: Int
    private let ours: OurLaunch
    private let theirs: PeerLaunch
    private let showsPhases: Bool
    private let heap: [UInt8]

    init(supervisor: String, peer: String, rounds: Int, showsPhases: Bool) throws {
        self.rounds = rounds
        self.showsPhases = showsPhases
        directory = "/tmp/martlet-bench-\(getpid())"
        // What every image has.
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            try makeDirectories("\(directory)/bundle/rootfs/\(name)")
        }
        try Self.makeProgram("\(directory)/bundle/rootfs/bin/true")
        // What an agent of some hundred pods holds; a runtime that forks pays for it.
        heap = [UInt8](repeating: 1, count: 64 << 20)
        ours = try OurLaunch(directory: directory, supervisor: supervisor)
        theirs = try PeerLaunch(directory: directory, program: peer)
    }

    func cleanUp() {
        ours.cleanUp()
        theirs.cleanUp()
        try? removeTree(directory)
    }

    /// The smallest program that there is: it ends with 0. Everything else that is measured is the runtime's.
    private static func makeProgram(_ path: String) throws {
        let source = "\(path).s"
        try writeFile(source, create: ".globl _start\n_start: mov $60, %eax\nxor %edi, %edi\nsyscall\n")
        let command = ["/usr/bin/cc", "-static", "-nostdlib", "-o", path, source]
        let process = try Launch(steps: [
            .execute(candidates: [command[0]], arguments: command, environment: ["PATH=/usr/bin:/bin"])
        ]).start()
        defer { close(process.pidfd) }
        _ = awaitReadable(process.pidfd, milliseconds: 60_000)
        guard try reapChild(pidfd: process.pidfd)?.exitCode == 0 else {
            throw LinuxError("compile", path: source, errno: ENOEXEC)
        }
        unlink(source)
    }

    /// Prints what was measured as it is measured.
    func run() throws {
        for isMapped in [false, true] {
            for _ in 0..<3 { _ = try ours.run(userNamespace: isMapped) }
        }
        _ = try theirs.run(3, idle: 0)
        for _ in 0..<rounds {
            try round("one container, back to back", idle: 0)
            try round("one container, after 80 ms of rest", idle: Self.idleMicroseconds)
            // The peer's is the same as before, without one.
            try round("with a user namespace, back to back", idle: 0, userNamespace: true)
            try round("with a user namespace, after 80 ms of rest", idle: Self.idleMicroseconds, userNamespace: true)
        }
    }

    private func round(_ work: String, idle: UInt32, userNamespace: Bool = false) throws {
        for _ in 0..<Self.startsPerRound {
            usleep(idle)
            let phases = try ours.run(userNamespace: userNamespace)
            emit(work, phases.reduce(0, +))
            if showsPhases {
                for (name, time) in zip(OurLaunch.phases, phases) { emit("\(work): \(name)", time) }
            }
        }
        for time in try theirs.run(Self.startsPerRound, idle: idle) { emit(work, time, peer: theirs.name) }
    }

    /// One line for one measurement, as `hack/bench` takes them.
    private func emit(_ work: String, _ nanoseconds: Int64, peer: String = "") {
        let sample: JSONValue = [
            "name": "launch", "work": .string(work), "side": .string(peer.isEmpty ? "ours" : "theirs"),
            "peer": .string(peer), "value": .number(Double(nanoseconds / 1000) / 1000), "unit": "ms",
        ]
        print(String(decoding: sample.serialized(), as: UTF8.self))
    }
}

/// The clock of the measurement, in nanoseconds.
func monotonic() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
