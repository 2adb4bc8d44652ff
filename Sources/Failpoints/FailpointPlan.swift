#if FAILPOINTS
    import Glibc
    import Synchronization

    /// What the environment asks of this process' failpoints.
    ///
    /// - `MARTLET_FAILPOINT=PROCESS/SITE[@DETAIL][:N]`: a process of this kind kills itself when it comes to a place for
    ///   the N-th time, counting only those whose detail matches; `*` in it stands for anything. For `launch-step` N is
    ///   the step, and the process that is being started dies; `each` stands for every step once.
    /// - `MARTLET_FAILPOINT_TRACE=FILE`: every place that is come to is appended, as `PROCESS PID SITE DETAIL`, and
    ///   `fired` in front of the one where the process dies. Processes that find such a line, when they start or when they
    ///   come to the place, go on.
    /// - `MARTLET_FAILPOINT_PROCESS`: which process this is; set by the one that starts it.
    @usableFromInline
    final class FailpointPlan: Sendable {
        /// The plan of this process, read once; nil when the environment asks for nothing.
        @usableFromInline static let current = FailpointPlan()

        private let process: FailpointProcess
        private let trace: Int32
        private let tracePath: String
        private let target: String
        private let armed: Armed?
        private let passed = Atomic<Int64>(0)
        private let hasFired = Atomic<Bool>(false)

        private struct Armed {
            var site: Failpoint
            var detail: String?
            /// Nil for `each`.
            var number: Int64?

            func matches(_ text: String) -> Bool { detail.map { fnmatch($0, text, 0) == 0 } ?? true }
        }

        private init?() {
            target = Self.variable("MARTLET_FAILPOINT") ?? ""
            tracePath = Self.variable("MARTLET_FAILPOINT_TRACE") ?? ""
            if target.isEmpty && tracePath.isEmpty { return nil }
            process = Self.variable("MARTLET_FAILPOINT_PROCESS").flatMap(FailpointProcess.init(rawValue:)) ?? .up
            armed = Self.parse(target, for: process, isSpent: Self.hasFired(tracePath))
            let file = tracePath.isEmpty ? -1 : open(tracePath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard process == .helper, file >= 0 else {
                trace = file
                return
            }
            // The only descriptor that is not closed when the helper confines itself.
            dup2(file, STDERR_FILENO)
            close(file)
            trace = STDERR_FILENO
        }

        private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

        private static func parse(_ text: String, for process: FailpointProcess, isSpent: Bool) -> Armed? {
            let parts = text.split(separator: "/", maxSplits: 1)
            guard !isSpent, parts.count == 2, parts[0] == process.rawValue else { return nil }
            var rest = parts[1]
            var number: Int64? = 1
            if let colon = rest.lastIndex(of: ":") {
                number = Int64(rest[rest.index(after: colon)...])
                rest = rest[..<colon]
            }
            let words = rest.split(separator: "@", maxSplits: 1)
            guard let site = words.first.flatMap({ Failpoint(rawValue: String($0)) }) else { return nil }
            return Armed(site: site, detail: words.count > 1 ? String(words[1]) : nil, number: number)
        }

        /// Whether a process has died already.
        private static func hasFired(_ path: String) -> Bool {
            guard let file = fopen(path, "re") else { return false }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 4096)
            while fgets(&line, Int32(line.count), file) != nil { if strncmp(line, "fired ", 6) == 0 { return true } }
            return false
        }

        func environment(for process: FailpointProcess) -> [String] {
            [
                "MARTLET_FAILPOINT=\(target)", "MARTLET_FAILPOINT_TRACE=\(tracePath)",
                "MARTLET_FAILPOINT_PROCESS=\(process.rawValue)",
            ]
        }

        @usableFromInline
        func pass(_ site: Failpoint, _ detail: String) {
            note("\(site.rawValue) \(detail)")
            guard let armed, let number = armed.number, armed.site == site, armed.matches(detail),
                passed.add(1, ordering: .relaxed).newValue == number, !Self.hasFired(tracePath)
            else { return }
            note("\(site.rawValue) \(detail)", mark: "fired ")
            kill(getpid(), SIGKILL)
        }

        func step(of steps: [Int64], _ detail: String) -> Int64? {
            for step in steps { note("launch-step:\(step) \(detail)") }
            guard let armed, armed.site == .launchStep, armed.matches(detail) else { return nil }
            guard let number = armed.number else {
                let next = steps.first { claim($0, of: detail) }
                if let next { note("launch-step:\(next) \(detail)", mark: "killed ") }
                return next
            }
            guard steps.contains(number), !hasFired.exchange(true, ordering: .relaxed), !Self.hasFired(tracePath)
            else { return nil }
            note("launch-step:\(number) \(detail)", mark: "fired ")
            return number
        }

        /// Whether this process is the first to take a step for itself.
        private func claim(_ step: Int64, of detail: String) -> Bool {
            let file = open("\(tracePath).\(detail).\(step)", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
            if file >= 0 { close(file) }
            return file >= 0
        }

        private func note(_ text: String, mark: String = "") {
            guard trace >= 0 else { return }
            let line = Array("\(mark)\(process.rawValue) \(getpid()) \(text)\n".utf8)
            _ = write(trace, line, line.count)
        }
    }
#endif
