import BenchmarkReport
import Model
import Threads

/// `apply`: from asking for so many replicas until all of them run, and with us are ready too.
func measureApply(_ options: Options) throws {
    let replicas = try options.number("replicas", default: 50)
    let martlet = MartletApply(program: try options.text("martlet"), manifest: try options.text("manifest"))
    let swarm =
        options.has("docker")
        ? SwarmApply(
            engine: try DockerEngine(socket: try options.text("docker")), image: try options.text("image"),
            replicas: replicas) : nil
    let work = "\(replicas) new replicas until all run"
    for run in 1...(try options.number("runs", default: 5)) {
        let ours = try martlet.measure()
        emit(Sample(name: "apply50", work: work, value: ours, unit: "s"))
        progress("run \(run), martlet: \(ours) s")
        guard let swarm else { continue }
        let theirs = try swarm.measure()
        emit(Sample(name: "apply50", work: work, peer: try options.text("peer"), value: theirs, unit: "s"))
        progress("run \(run), swarm: \(theirs) s")
    }
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = MachineClock.monotonic
    try body()
    return (MachineClock.monotonic - start).inSeconds
}

/// `martlet apply --wait`, the command as people run it: it ends when every replica runs and is ready.
struct MartletApply {
    let program: String
    let manifest: String

    func measure() throws -> Double {
        let time = try seconds { try run([program, "apply", "-f", manifest, "--wait", "--timeout", "300s"]) }
        try run([program, "delete", "-f", manifest, "--wait", "--timeout", "300s"])
        return time
    }
}

/// A service of a swarm of one node.
struct SwarmApply {
    let engine: DockerEngine
    /// The image's id: a name would be looked up at a registry, task by task.
    let image: String
    let replicas: Int
    private static let name = "bench"

    func measure() throws -> Double {
        let time = try seconds {
            try engine.request("POST", "/services/create", service)
            try engine.await("\(replicas) running tasks", "/tasks?filters=%7B%22service%22%3A%5B%22bench%22%5D%7D") {
                ($0.array ?? []).count { $0["Status"]?["State"]?.string == "running" } >= replicas
            }
        }
        try engine.request("DELETE", "/services/\(Self.name)")
        try engine.await("end of the tasks", "/containers/json?all=1") { $0.array?.isEmpty ?? false }
        return time
    }

    private var service: JSONValue {
        [
            "Name": .string(Self.name),
            "TaskTemplate": [
                "ContainerSpec": [
                    "Image": .string(image), "Command": ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"],
                    "User": "1000:1000", "StopSignal": "SIGKILL",
                ]
            ],
            "Mode": ["Replicated": ["Replicas": .integer(Int64(replicas))]],
        ]
    }
}
