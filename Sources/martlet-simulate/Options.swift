import Simulation

/// What the command line asks for.
struct Options {
    var seeds = 1
    var first: UInt64 = 1
    var step: UInt64 = 1
    var seconds: Int?
    var showsTrace = false
    var selection = Selection()
    var sabotage: Sabotage?
    var isBenchmark = false
    var isJSON = false
    var everyWrite = false
    var plantsBugs = false
    var hashOnly = false
    var verify = 20
    var shrinks = true

    static let help = """
        Usage: hack/simulate [--seeds N] [--from S] [--seconds T] [--trace] [--only SELECTION] [--sabotage BUG]
               hack/simulate --every-write [--from S]
               hack/simulate --planted [--from S]
               hack/simulate --bench [--json]

        Runs whole clusters on a simulated clock, one for each seed, and checks what is promised at every event.

          --seeds N         how many seeds to run (1)
          --from S          the first one (1)
          --seconds T       start no further seed after T seconds
          --trace           print every event
          --only SELECTION  keep only a part of the seed, as a failure prints it:
                            faults=A,B;operations=1,2;nodes=3;within=40;milliseconds=4000
          --sabotage BUG    plant a bug; see below
          --every-write     kill the server before and after every write of a seed in turn
          --planted         plant every bug, and see that its checker finds it
          --bench           measure 20 nodes; --json for programs
          --no-shrink       leave a failure as it is

        Faults; each seed draws one strength of each:
        \(FaultTable.text)

        Bugs that can be planted, with the invariant whose checker must find them:
        \(Sabotage.allCases.map { "  \($0.rawValue): \($0.numbers.map(String.init).joined(separator: " or "))" }.joined(separator: "\n"))

        """

    /// Reads the arguments; nil, and what is wrong with them.
    static func read(_ arguments: [String]) -> (options: Options?, problem: String?) {
        var options = Options()
        var rest = arguments[...]
        func number(_ text: String?) -> Int? { text.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
        while let word = rest.popFirst() {
            switch word {
            case "--seeds", "--from", "--seconds", "--step", "--verify":
                guard let value = number(rest.popFirst()) else { return (nil, "\(word) needs a number") }
                switch word {
                case "--seeds": options.seeds = value
                case "--from": options.first = UInt64(value)
                case "--step": options.step = UInt64(max(1, value))
                case "--verify": options.verify = value
                default: options.seconds = value
                }
            case "--only":
                guard let selection = Selection(rest.popFirst() ?? "") else { return (nil, "--only cannot be read") }
                options.selection = selection
            case "--sabotage":
                guard let bug = rest.popFirst().flatMap({ Sabotage(rawValue: $0) }) else {
                    return (nil, "--sabotage needs one of the bugs that --help lists")
                }
                options.sabotage = bug
            case "--trace": options.showsTrace = true
            case "--bench": options.isBenchmark = true
            case "--json": options.isJSON = true
            case "--every-write": options.everyWrite = true
            case "--planted": options.plantsBugs = true
            case "--hash": options.hashOnly = true
            case "--no-shrink": options.shrinks = false
            default: return (nil, "\(word) is not an option; see --help")
            }
        }
        return (options, nil)
    }
}
