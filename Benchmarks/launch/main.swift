import ContainerRuntime
import Glibc

/// Starts one container, lets it end and removes it, again and again, by this runtime and by a peer in turn.
///
///     launch-benchmark SUPERVISOR PEER [ROUNDS [phases]]
///
/// prints one line of JSON for each start: `name`, `work`, `side`, `peer`, `value`, `unit`. With `phases` also where our time
/// went.
let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    print("usage: launch-benchmark SUPERVISOR PEER [ROUNDS [phases]]")
    exit(2)
}
do {
    let bench = try LaunchBench(
        supervisor: arguments[1], peer: arguments[2], rounds: arguments.count > 3 ? Int(arguments[3]) ?? 10 : 10,
        showsPhases: arguments.count > 4)
    defer { bench.cleanUp() }
    try bench.run()
} catch {
    print("error: \(error)")
    exit(1)
}
