import Glibc
import Linux
import Model
import Testing
import Threads

@testable import DataPlane

@Suite struct RestartBackoffTests {
    @Test func `the first restart is immediate, further ones wait longer and longer, and a minute of life is forgiven`()
    {
        var backoff = RestartBackoff()
        let quick = (0..<8).map { _ in backoff.ended(after: .milliseconds(10)) }
        #expect(quick == [0, 1, 2, 4, 8, 16, 30, 30].map { TimeSpan.seconds($0) })
        #expect(backoff.ended(after: .seconds(59)) == .seconds(30))
        #expect(backoff.ended(after: .seconds(60)) == .zero)
        #expect(backoff.ended(after: .zero) == .seconds(1))
    }
}

@Suite(.timeLimit(.minutes(10))) struct SupervisedProgramTests {
    /// A program in a directory, its events, and what supervises it.
    private final class Subject {
        let program: Program
        let events = Mailbox<ProgramEvent>()

        /// A shell's script; reading `$GATE` waits for ever, without a process more.
        init(_ directory: String, _ script: String, logLimit: Int = 1 << 20, outputRoom: Int? = nil) throws {
            let gate = "\(directory)/gate"
            try systemCall("mkfifo", path: gate) { mkfifo(gate, 0o600) }
            program = Program(
                executable: "/bin/sh", arguments: ["-c", script], environment: ["GATE=\(gate)"],
                pidFile: "\(directory)/pid", logFile: "\(directory)/log", logLimit: logLimit, outputRoom: outputRoom)
        }

        func supervise() throws -> SupervisedProgram {
            let supervised = try SupervisedProgram(program) { [events] in events.send($0) }
            try supervised.start()
            return supervised
        }

        func nextPid() throws -> (pid: Int32, adopted: Bool) {
            guard case .running(let pid, let adopted)? = events.receive() else {
                throw LinuxError("run", errno: ECHILD)
            }
            return (pid, adopted)
        }
    }

    @Test func `a program goes on when its supervision ends, and the next one takes it over`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "read line < $GATE")
            let first = try subject.supervise()
            let started = try subject.nextPid()
            #expect(!started.adopted)
            #expect(isSessionLeader(started.pid))
            first.leave()
            let second = try subject.supervise()
            defer { second.stop() }
            let found = try subject.nextPid()
            #expect(found == (started.pid, true))
            second.stop([StopSignal(SIGTERM, patience: .seconds(10))])
            #expect(subject.events.receive() == .stopped)
            #expect(try openProcess(started.pid) == nil || !isSessionLeader(started.pid))
            #expect(!fileExists(subject.program.pidFile))
        }
    }

    @Test func `a program whose starter died before it wrote the file is found`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "read line < $GATE")
            let first = try subject.supervise()
            let pid = try subject.nextPid().pid
            first.leave()
            try removeDurably(subject.program.pidFile)
            let second = try subject.supervise()
            defer { second.stop() }
            let found = try subject.nextPid()
            #expect(found == (pid, true))
        }
    }

    @Test func `another process with the recorded number is left alone`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "read line < $GATE")
            let start = try #require(processStartTime(getpid()))
            try writeDurably(subject.program.pidFile, text: "\(getpid()) \(start) /bin/sh\n")
            let supervised = try subject.supervise()
            defer { supervised.stop() }
            let started = try subject.nextPid()
            #expect(!started.adopted && started.pid != getpid())
        }
    }

    @Test func `what a program writes waits for whoever reads, also while nobody does`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(
                directory, "echo one; read line < $GATE; echo two; echo lost >&2; read line < $GATE", outputRoom: 4096)
            let supervised = try subject.supervise()
            defer { supervised.stop() }
            let pid = try subject.nextPid().pid
            func read() throws -> String {
                let output = Descriptor(owning: try RunningProgram.openOutput(pid: pid))
                #expect(awaitReadable(output.raw, milliseconds: 10_000))
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = Glibc.read(output.raw, &bytes, bytes.count)
                return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            }
            #expect(try read() == "one\n")
            let gate = try Descriptor(opening: "\(directory)/gate", flags: O_WRONLY)
            try writeAll(gate.raw, Array("go\n".utf8), path: "gate")
            while subject.program.lastLines(1).isEmpty { sched_yield() }
            #expect(subject.program.lastLines(2) == ["lost"])
            #expect(try read() == "two\n")
        }
    }

    @Test func `a killed program is started again, and what it said is told`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "echo hello; read line < $GATE")
            let supervised = try subject.supervise()
            defer { supervised.stop() }
            let pid = try subject.nextPid().pid
            while subject.program.lastLines(1).isEmpty { sched_yield() }
            try supervised.signal(SIGKILL)
            let ended = subject.events.receive()
            #expect(ended == .ended(reason: "sh was killed by signal 9: hello", restartIn: .zero))
            let again = try subject.nextPid()
            #expect(again.pid != pid && !again.adopted)
        }
    }

    @Test func `a program that cannot be executed is told, not forgotten`() throws {
        try withTestDirectory { directory in
            let events = Mailbox<ProgramEvent>()
            let program = Program(
                executable: "\(directory)/nothing", arguments: [], pidFile: "\(directory)/pid",
                logFile: "\(directory)/log")
            let supervised = try SupervisedProgram(program) { events.send($0) }
            try supervised.start()
            defer { supervised.stop() }
            guard case .ended(let reason, .zero)? = events.receive() else {
                Issue.record("no event")
                return
            }
            #expect(reason.hasPrefix("\(directory)/nothing did not start: "))
        }
    }

    @Test func `a program that ignores the request is killed`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "trap '' TERM; echo deaf; while :; do read line < $GATE; done")
            let supervised = try subject.supervise()
            let pid = try subject.nextPid().pid
            while subject.program.lastLines(1).isEmpty { sched_yield() }
            supervised.stop([StopSignal(SIGTERM, patience: .milliseconds(50))])
            #expect(subject.events.receive() == .stopped)
            #expect(!isSessionLeader(pid))
        }
    }

    @Test func `a log keeps its last half when it grows beyond its limit`() throws {
        try withTestDirectory { directory in
            let subject = try Subject(directory, "", logLimit: 100)
            let lines = (0..<20).map { "line \($0 + 100)" }
            try writeFile(subject.program.logFile, create: lines.joined(separator: "\n") + "\n")
            #expect(subject.program.lastLines(2) == ["line 118", "line 119"])
            try subject.program.boundLog()
            #expect(subject.program.lastLines(2) == [])
            #expect(try readFile("\(subject.program.logFile).1").count == 50)
        }
    }
}
