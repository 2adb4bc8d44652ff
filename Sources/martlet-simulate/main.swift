import Glibc
import Simulation

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.contains("--help") || arguments.contains("-h") {
    print(Options.help, terminator: "")
    exit(0)
}
let (options, problem) = Options.read(arguments)
guard let options else {
    let text = Array("martlet-simulate: \(problem ?? "")\n".utf8)
    _ = write(2, text, text.count)
    exit(2)
}
if options.isBenchmark {
    Measurement.run(isJSON: options.isJSON)
} else if options.everyWrite {
    exit(CrashSearch.run(seed: options.first) ? 0 : 1)
} else if options.plantsBugs {
    exit(PlantedBugs.run(from: options.first) ? 0 : 1)
} else {
    var campaign = Campaign(options)
    exit(campaign.run() ? 0 : 1)
}
