import Glibc

// What `hack/bench` measures with. Each subcommand prints measurements, one JSON object a line; `report` brings the
// lines of all of them together.

let benchmarks: [(name: String, run: (Options) throws -> Void)] = [
    ("api", measureAPI),
    ("watch", measureWatch),
    ("apply", measureApply),
    ("memory", measureMemory),
    ("podnet", measurePodNetwork),
    ("drain", measureDrain),
    ("endpoints", measureEndpoints),
    ("report", report),
]

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    guard let benchmark = benchmarks.first(where: { $0.name == options.command }) else {
        throw BenchmarkError("usage: martlet-bench \(benchmarks.map(\.name).joined(separator: "|")) [--NAME VALUE]...")
    }
    try benchmark.run(options)
} catch {
    tell("error: \(error)")
    exit(1)
}
