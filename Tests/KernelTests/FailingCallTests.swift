import ContainerRuntime
import Glibc
import Linux
import Synchronization
import SystemCallFaults
import Testing

/// Fails one system call after the other until a run in which none failed: of the runtime, of the supervisor, and of
/// the process that becomes the container. After each of them the call that failed is named, what was answered is true, the
/// same operation succeeds when it is repeated, and removing the pod leaves nothing.
///
/// Each test is a process of its own, so that every descriptor and child that is too many is the test's. Unless every call is
/// asked for, some 25 of them fail in each, spread evenly over the operation.
@Suite(
    .enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized, .timeLimit(.minutes(20)))
struct FailingCallTests {
    @Test func `launch`() async { await #expect(processExitsWith: .success) { try Operation.launch.failEachCall() } }
    @Test func `stop`() async { await #expect(processExitsWith: .success) { try Operation.stop.failEachCall() } }
    @Test func `delete`() async { await #expect(processExitsWith: .success) { try Operation.delete.failEachCall() } }
    @Test func `exec`() async { await #expect(processExitsWith: .success) { try Operation.exec.failEachCall() } }
    @Test func `sweep`() async { await #expect(processExitsWith: .success) { try Operation.sweep.failEachCall() } }
}

/// What is done to a pod while calls fail.
private enum Operation: String {
    case launch, stop, delete, exec, sweep

    /// Fails the calls in every way that they can fail in, or in some of them.
    func failEachCall() throws {
        let fixture = try RuntimeFixture()
        // What is made once and stays: the parts of the cgroup hierarchy, the watcher's first registration.
        try run(fixture, FailingCalls(.none))
        var before = try Ledger(fixture)
        let recording = FailingCalls(.recording, programs: Self.counts)
        try run(fixture, recording)
        let ways = recording.recorded
        var passed = Set(ways).subtracting(FailingCalls.chosen(of: ways))
        var count = 0
        while true {
            let calls = FailingCalls(.failing(except: passed), programs: Self.counts)
            try run(fixture, calls)
            guard let call = calls.failed else { break }
            passed.insert(call)
            count += 1
            // What watches supervisors lets go of them a little later, and what is removed is open until it is gone.
            var left: [String] = []
            _ = try? fixture.eventually {
                left = try before.added(in: Ledger(fixture))
                return left.isEmpty ? true : nil
            }
            #expect(left.isEmpty, "\(call) leaves something behind: \(left)")
            if !left.isEmpty { before = try Ledger(fixture) }
        }
        print("failing calls: \(rawValue): \(count) of \(passed.count)")
        #expect(count >= 20 && passed.count > 50, "only \(count) of \(passed.count) calls were made to fail")
    }

    /// The container's own program is not tested.
    private static func counts(_ program: String) -> Bool { !program.hasSuffix("/busybox") }

    /// One run: the operation with a failing call, then again without, then the end of the pod.
    private func run(_ fixture: RuntimeFixture, _ calls: FailingCalls) throws {
        let failure = Mutex<String?>(nil)
        let hasEnded = try calls.run {
            do {
                try prepare(fixture)
                do {
                    try calls.armed { try perform(fixture) }
                    #expect(try isTrue(fixture), "\(rawValue) succeeded, \(described(calls))")
                } catch {
                    #expect(names(calls.failed, in: "\(error)"), "\(rawValue), \(described(calls)): \(error)")
                    try repeated(fixture)
                    #expect(try isTrue(fixture), "after \(described(calls))")
                }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
            do {
                try fixture.runtime.removeSandbox(podUID: "pod")
                try removeTree("\(fixture.directory)/logs")
            } catch {
                failure.withLock { $0 = "\($0 ?? "") removal: \(error)" }
            }
        }
        let text = failure.withLock { $0 }
        #expect(text == nil, "\(rawValue) after \(described(calls)): \(text ?? "")")
        #expect(hasEnded, "a process lives on after \(described(calls))")
    }

    private func described(_ calls: FailingCalls) -> String { calls.failed.map { "\($0)" } ?? "nothing failed" }

    /// Whether an error says what failed: a step and the system's text for why, or, when the supervisor could not even answer,
    /// that it is the supervisor, and which process.
    private func names(_ failed: FailedCall?, in message: String) -> Bool {
        guard let failed else { return false }
        let reason = ": \(String(cString: strerror(failed.errno)))"
        if let range = message.firstRange(of: reason) { return range.lowerBound > message.startIndex }
        return failed.program.hasPrefix("martlet-super") && message.contains("the supervisor, process ")
    }

    private func prepare(_ fixture: RuntimeFixture) throws {
        guard self != .launch else { return }
        try fixture.sandbox()
        _ = try Self.started(fixture, 0)
        try fixture.eventually { fixture.output(fixture.log()) == "up" ? true : nil }
    }

    private func perform(_ fixture: RuntimeFixture) throws {
        switch self {
        case .launch:
            try fixture.sandbox()
            _ = try Self.started(fixture, 0)
        case .stop:
            try fixture.runtime.signalContainer(podUID: "pod", name: "web", attempt: 0, signal: SIGTERM)
            let end = try fixture.awaitEnd("web").phase
            guard end == .exited(exitCode: 7, signal: nil, outOfMemory: false) else { throw Wrong("\(end)") }
            try fixture.runtime.removeContainer(podUID: "pod", name: "web", attempt: 0)
        case .delete: try fixture.runtime.removeSandbox(podUID: "pod")
        case .exec:
            let session = try fixture.runtime.exec(
                podUID: "pod", name: "web", attempt: 0, ExecConfig(command: ["sh", "-c", "exit 3"]))
            defer { session.close() }
            let code = try fixture.runtime.execResult(session)
            guard code == 3 else { throw Wrong("exit code \(code)") }
        case .sweep: try fixture.runtime.sweep(livePodUIDs: [])
        }
    }

    /// The operation again, now that nothing fails.
    private func repeated(_ fixture: RuntimeFixture) throws {
        guard self == .launch else { return try perform(fixture) }
        // An attempt that could not be carried out is spent.
        for attempt in 0..<3 {
            try fixture.sandbox()
            if (try? Self.started(fixture, attempt)) != nil { return }
        }
        throw Wrong("does not start")
    }

    /// Whether the machine is as the operation says.
    private func isTrue(_ fixture: RuntimeFixture) throws -> Bool {
        let pod = try fixture.runtime.observe(podUID: "pod")
        let running = (pod?.containers ?? []).filter { if case .running = $0.phase { true } else { false } }
        let processes = try CgroupDriver.detect().processes(path: "\(fixture.cgroupRoot)/pod")
        switch self {
        case .launch, .exec:
            // One container runs, and no process of an attempt that is said to have failed.
            return running.count == 1 && processes.filter(Self.isFirst).count == 1
        case .stop:
            return pod?.info != nil && pod?.containers.isEmpty == true && processes == [pod?.info?.supervisorPID]
        case .delete, .sweep: return pod == nil && processes.isEmpty
        }
    }

    /// Whether a process is number 1 of its pid namespace (proc_pid_status(5), NSpid).
    private static func isFirst(_ pid: Int32) -> Bool {
        let lines = ((try? readText("/proc/\(pid)/status")) ?? "").split(separator: "\n")
        let numbers = lines.first { $0.hasPrefix("NSpid:") }?.split(separator: "\t").dropFirst() ?? []
        return numbers.count > 1 && numbers.last == "1"
    }

    /// Starts a container that ends with 7 when it is asked to, and waits until it would.
    private static func started(_ fixture: RuntimeFixture, _ attempt: Int) throws -> ContainerObservation {
        // From "up" on it makes no process: while a call is asked about, a signal interrupts even those that never are.
        let script = "trap 'exit 7' TERM; sleep 1000 & echo up; wait"
        let config = fixture.config("web", ["sh", "-c", script], attempt: attempt)
        let container = try fixture.runtime.startContainer(podUID: "pod", config)
        guard case .running = container.phase else { throw Wrong("\(container.phase)") }
        return container
    }
}

/// Something is not as it should be.
private struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
}
