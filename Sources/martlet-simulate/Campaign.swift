import Glibc
import Model
import Simulation

/// Many seeds, one after the other.
struct Campaign {
    let options: Options
    private var figures = Figures()
    private var count = 0
    private var verified = 0
    private let begin = monotonic()

    init(_ options: Options) { self.options = options }

    /// Runs the seeds; false when one failed.
    mutating func run() -> Bool {
        for index in 0..<options.seeds {
            if let limit = options.seconds, monotonic() - begin > Double(limit) { break }
            let seed = options.first + UInt64(index) * options.step
            let outcome = Simulation.run(
                Plan(seed: seed, only: options.selection), sabotage: options.sabotage, keepsTrace: options.showsTrace)
            count += 1
            figures = figures + outcome.figures
            if options.showsTrace { outcome.lines.forEach { print($0) } }
            if options.hashOnly { print("hash \(seed) \(String(outcome.hash, radix: 16))") }
            if outcome.violation != nil {
                report(outcome)
                return false
            }
            if options.verify > 0, seed % UInt64(options.verify) == 0, !isSame(outcome) { return false }
        }
        if !options.hashOnly { summarize() }
        return true
    }

    /// Runs a seed once more in a process of its own, where hash tables have another order, and compares what happened.
    private mutating func isSame(_ outcome: Outcome) -> Bool {
        verified += 1
        var command = "/proc/\(getpid())/exe --hash --verify 0 --no-shrink --seeds 1 --from \(outcome.seed)"
        if !options.selection.text.isEmpty { command += " --only '\(options.selection.text)'" }
        if let bug = options.sabotage { command += " --sabotage \(bug.rawValue)" }
        guard let pipe = popen(command, "r") else { return true }
        defer { pclose(pipe) }
        var buffer = [CChar](repeating: 0, count: 256)
        guard fgets(&buffer, 256, pipe) != nil else { return true }
        let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let wanted = "hash \(outcome.seed) \(String(outcome.hash, radix: 16))\n"
        guard line != wanted else { return true }
        print("seed \(outcome.seed) is not the same twice: \(wanted)and \(line)")
        return false
    }

    private func report(_ outcome: Outcome) {
        guard let violation = outcome.violation else { return }
        print("seed \(outcome.seed) FAILS: \(violation)")
        guard !options.hashOnly, options.shrinks else { return }
        let (selection, tries) = Shrinker.shrink(outcome, only: options.selection, sabotage: options.sabotage)
        let small = Simulation.run(
            Plan(seed: outcome.seed, only: selection), sabotage: options.sabotage, keepsTrace: true)
        print("smallest of \(tries + 1) runs: \(small.violation?.description ?? "it does not fail any more")")
        let lines = small.lines
        print("its trace, \(lines.count) events\(lines.count > 200 ? ", the last 200" : ""):")
        lines.suffix(200).forEach { print($0) }
        let bug = options.sabotage.map { " --sabotage \($0.rawValue)" } ?? ""
        print("again: hack/simulate --seeds 1 --from \(outcome.seed) --only '\(selection.text)'\(bug) --trace")
    }

    private func summarize() {
        let seconds = monotonic() - begin
        print(
            "seeds \(count) same-twice \(verified) events \(figures.events) checks \(figures.checks) commits \(figures.commits) "
                + "starts \(figures.starts) simulated-seconds \(figures.simulated.wholeSeconds) "
                + "seconds \(Int64(seconds * 1000))ms")
    }
}

/// The monotonic clock (clock_gettime(2)), in seconds.
func monotonic() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
