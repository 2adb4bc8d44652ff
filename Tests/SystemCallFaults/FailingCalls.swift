import CSeccomp
import Glibc
import Linux
import Synchronization
import Threads

/// A system call that was made to fail.
public struct FailedCall: Sendable, Hashable, CustomStringConvertible {
    /// Its name.
    public var name: String
    /// The file that it was about, with `#` for numbers; where that cannot be told, how many such calls came before.
    public var subject: String
    /// The program that made it.
    public var program: String
    /// The error that it got.
    public var errno: Int32

    /// The call, who made it, and the error.
    public var description: String { "\(program): \(name) \(subject): \(String(cString: strerror(errno)))" }
}

/// Runs a body on a thread on which one system call of those that can fail does fail, wherever it is made: by the
/// thread, by processes that it starts, or by theirs. It is the kernel that fails it, by seccomp user notification
/// (seccomp_unotify(2)): the filter tells of every call, this class answers "go on" or an error number.
///
/// The call is the first one that has not failed in an earlier run: the same call on the same file, in a loop that waits
/// for something, counts once; what the dynamic linker does, and Swift's runtime to find the
/// arguments, does not count. Every call fails with the first of its errors; with the others only where a program first
/// makes a call of that name.
///
/// Everything but the thread is untouched. The filter is inherited and cannot be taken off, so after the body the calls of
/// processes that live on are let through until the last of them has ended.
public final class FailingCalls: Sendable {
    /// What becomes of the calls.
    public enum Plan: Sendable {
        /// They are let through.
        case none
        /// They are let through, and `recorded` says how they could have failed.
        case recording
        /// The first one fails that is not among these.
        case failing(except: Set<FailedCall>)
    }

    private struct State {
        var isArmed = false
        /// How often each call without a subject was seen.
        var seen: [String: Int] = [:]
        /// What does not fail any more.
        var known: Set<FailedCall>
        var recorded: [FailedCall] = []
        /// Where the dynamic linker is, by process and program.
        var linkers: [String: Range<UInt64>] = [:]
        var failed: FailedCall?

        /// Whether a call fails in this way now; takes note of it.
        mutating func fails(_ way: FailedCall, isFirst: Bool, _ plan: Plan) -> Bool {
            let isKnown =
                isFirst
                ? known.contains(way)
                : known.contains { $0.name == way.name && $0.program == way.program && $0.errno == way.errno }
            if isKnown { return false }
            guard case .recording = plan else {
                failed = way
                return true
            }
            known.insert(way)
            recorded.append(way)
            return false
        }
    }

    private let plan: Plan
    private let programs: @Sendable (String) -> Bool
    private let state: Mutex<State>
    private let listener = Monitor<Int32?>(nil)
    private let hasEnded = Atomic(false)
    /// Of calls about nothing in particular so many of a name fail, lest a loop has no end.
    private static let mostOfOneName = 40

    /// Makes one call fail, or none.
    ///
    /// - Parameters:
    ///   - plan: which.
    ///   - programs: which programs' calls count, by their path.
    public init(_ plan: Plan, programs: @escaping @Sendable (String) -> Bool = { _ in true }) {
        self.plan = plan
        self.programs = programs
        if case .failing(let before) = plan {
            state = Mutex(State(known: before))
        } else {
            state = Mutex(State(known: []))
        }
    }

    /// Those of recorded ways to fail that a test tries: all with `MARTLET_EVERY_CALL`, otherwise some 25, spread evenly.
    public static func chosen(of ways: [FailedCall]) -> [FailedCall] {
        if getenv("MARTLET_EVERY_CALL") != nil { return ways }
        let stride = max(1, ways.count / 25)
        return ways.enumerated().filter { $0.offset % stride == stride / 2 }.map(\.element)
    }

    /// The call that failed; nil when there was none.
    public var failed: FailedCall? { state.withLock(\.failed) }

    /// The ways in which calls could have failed, in order; each once.
    public var recorded: [FailedCall] { state.withLock(\.recorded) }

    /// Counts calls while a body runs; to be used within `run`.
    public func armed<Value>(_ body: () throws -> Value) rethrows -> Value {
        state.withLock { $0.isArmed = true }
        defer { state.withLock { $0.isArmed = false } }
        return try body()
    }

    /// Runs a body on a thread of its own and waits for it, and for the end of every process that it started.
    ///
    /// - Returns: whether those processes ended within 20 seconds.
    public func run(_ body: @escaping @Sendable () -> Void) throws -> Bool {
        let answering = try Thread { [self] in answer() }
        let thread = try Thread { [self] in
            do {
                let descriptor = try CallListener.install(FallibleCall.all)
                listener.change { $0 = descriptor }
                body()
            } catch {
                listener.change { $0 = -1 }
            }
        }
        thread.join()
        answering.join()
        return hasEnded.load(ordering: .acquiring)
    }

    // MARK: - Answers

    private func answer() {
        guard let descriptor = listener.wait({ $0 }), descriptor >= 0 else { return }
        defer { close(descriptor) }
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&poller, 1, 20_000) > 0 {
            if poller.revents & Int16(POLLIN) == 0 {
                hasEnded.store(true, ordering: .releasing)  // Nobody has the filter any more.
                return
            }
            guard let request = CallListener.receive(descriptor) else { continue }
            CallListener.answer(descriptor, request, error: error(for: request))
        }
    }

    /// What a call is answered with: an error number, or 0.
    private func error(for request: seccomp_notif) -> Int32 {
        if case .none = plan { return 0 }
        guard state.withLock({ $0.isArmed && $0.failed == nil }), let call = FallibleCall.byNumber[request.data.nr]
        else {
            return 0
        }
        let process = ObservedProcess(request.pid)
        let path = process.program
        guard programs(path), !isLinking(request, process, path) else { return 0 }
        let errors = call.errors(request.data, process)
        if errors.isEmpty { return 0 }
        let subject = Self.generalized(call.subject(request.data, process))
        // Swift's runtime looks there for the arguments of the program, before that begins.
        if subject.hasSuffix("/maps") { return 0 }
        let program = process.name
        return state.withLock { state in
            var subject = subject
            if subject.isEmpty {
                let count = state.seen["\(program) \(call.name)", default: 0]
                state.seen["\(program) \(call.name)"] = count + 1
                if count >= Self.mostOfOneName { return 0 }
                subject = "number \(count)"
            }
            for (index, error) in errors.enumerated() {
                let way = FailedCall(name: call.name, subject: subject, program: program, errno: error)
                if state.fails(way, isFirst: index == 0, plan) { return error }
            }
            return 0
        }
    }

    /// Whether it is the dynamic linker that makes a call, before the program begins.
    private func isLinking(_ request: seccomp_notif, _ process: ObservedProcess, _ path: String) -> Bool {
        state.withLock { state in
            let key = "\(request.pid) \(path)"
            let range = state.linkers[key] ?? process.linker
            state.linkers[key] = range
            return range.contains(request.data.instruction_pointer)
        }
    }

    /// A path with `#` for numbers, which differ from run to run.
    private static func generalized(_ text: String) -> String {
        var result = ""
        for character in text where !(character.isNumber && result.last == "#") {
            result.append(character.isNumber ? "#" : character)
        }
        return result
    }
}
