import Glibc
import Testing

@testable import Linux

@Suite struct LaunchTests {
    private func start(_ steps: [LaunchStep], output: Int32) throws -> ProcessEnd {
        var launch = Launch(steps: [.newSession, .streams(user: 0)] + steps)
        launch.streams = (0, output, output)
        let process = try launch.start()
        defer { close(process.pidfd) }
        #expect(awaitReadable(process.pidfd, milliseconds: 20_000))
        return try #require(try reapChild(pidfd: process.pidfd))
    }

    private func output(_ command: [String], _ steps: [LaunchStep] = []) throws -> (ProcessEnd, String) {
        let pipe = try Pipe()
        defer { close(pipe.reading) }
        let execute = LaunchStep.execute(candidates: [command[0]], arguments: command, environment: ["A=b"])
        let end: ProcessEnd
        do {
            defer { close(pipe.writing) }
            end = try start(steps + [execute], output: pipe.writing)
        }
        return (end, String(decoding: try readAll(pipe.reading, path: "pipe", limit: 1 << 20), as: UTF8.self))
    }

    @Test func `a program runs with its arguments and environment`() throws {
        let (end, text) = try output(["/bin/sh", "-c", "echo $A $0 $1; exit 3", "zero", "one"])
        #expect(end == .exited(code: 3))
        #expect(text == "b zero one\n")
    }

    @Test func `a signal as end is told`() throws {
        #expect(try output(["/bin/sh", "-c", "kill -9 $$"]).0 == .killed(signal: 9))
        #expect(ProcessEnd.killed(signal: 9).exitCode == 137)
    }

    @Test func `dispositions and mask are the default ones whatever they are here`() throws {
        let before = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, before) }
        let (_, text) = try output(["/bin/grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"])
        #expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
    }

    @Test func `no other descriptor is open in the program`() throws {
        let leak = dup(0)  // Without close-on-exec.
        defer { close(leak) }
        #expect(try output(["/bin/ls", "/proc/self/fd"]).1 == "0\n1\n2\n3\n")
    }

    @Test func `the step that fails is told, and nothing is left`() throws {
        let execute = LaunchStep.execute(candidates: ["/nope", "/etc"], arguments: ["nope"], environment: [])
        let launch = Launch(steps: [.workingDirectory(path: "/nope"), execute])
        let error = #expect(throws: LaunchError.self) { try launch.start() }
        #expect(error?.failure == .step(.workingDirectory(path: "/nope")))
        #expect(error?.description == "change to working directory /nope: No such file or directory")
        let second = #expect(throws: LaunchError.self) { try Launch(steps: [execute]).start() }
        #expect(second?.errno == EACCES)
        let third = #expect(throws: LaunchError.self) { try Launch(steps: [.umask(mask: 0)]).start() }
        #expect(third?.errno == ENOEXEC)
    }

    @Test func `a step that cannot be encoded is refused rather than skipped`() throws {
        #expect([UInt8](hexadecimal: "0g") == nil)
        #expect([UInt8](hexadecimal: "123") == nil)
        #expect([UInt8](hexadecimal: [0, 0xAB, 0xFF].hexadecimal) == [0, 0xAB, 0xFF])
    }

    @Test func `a process is named for good by its number and start`() throws {
        #expect(processStartTime(getpid()) != nil)
        #expect(processStartTime(getpid()) == processStartTime(getpid()))
        #expect(processStartTime(Int32.max) == nil)
        #expect(try openProcess(Int32.max) == nil)
    }

    @Test func `the loop calls what is ready, and nothing that was removed`() throws {
        let loop = try EventLoop()
        let (first, second) = (try Pipe(), try Pipe())
        defer {
            first.close()
            second.close()
        }
        final class Calls { var names: [String] = [] }
        let calls = Calls()
        var tokens: [EventLoop.Token] = []
        for (pipe, name) in [(first, "first"), (second, "second")] {
            tokens.append(
                try loop.add(pipe.reading) { _ in
                    calls.names.append(name)
                    for token in tokens { loop.remove(token) }  // Both are ready: the other one must not be called.
                })
        }
        var byte: UInt8 = 1
        for pipe in [first, second] { write(pipe.writing, &byte, 1) }
        try loop.turn(milliseconds: 1000)
        try loop.turn(milliseconds: 0)
        #expect(calls.names.count == 1)
    }

    @Test func `a socket's path may be longer than an address`() throws {
        let directory = "/tmp/martlet-test-" + String(repeating: "x", count: 150) + "\(getpid())"
        try makeDirectories(directory)
        defer { try? removeTree(directory) }
        let missing = #expect(throws: LinuxError.self) { try UnixSocket.connect(path: "\(directory)/s", seconds: 1) }
        #expect(missing?.errno == ENOENT)
    }
}
