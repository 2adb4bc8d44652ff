import Agent
import BenchmarkReport
import Commands
import DataPlane
import Glibc
import Linux
import Model
import Network
import PKI
import Proxy
import Threads

/// `endpoints`: from the change of one pod, as the agent hears of it, until HAProxy sends it requests, or sends it none any
/// more; with many Apps. The parts are those of `martlet up`, put together as there.
///
/// It is to be called in a network namespace of its own: virtual addresses and the packet filter's tables are made in it.
func measureEndpoints(_ options: Options) throws {
    let directory = try options.text("directory")
    let apps = ManyApps(count: try options.number("apps", default: 500))
    let changes = try options.number("changes", default: 200)
    let memoryBefore = try proportionalMegabytes(of: [Int(getpid())])
    let node = try DataPlaneNode(directory: directory)
    defer { node.end() }
    try node.begin(apps)
    for run in 1...(try options.number("runs", default: 5)) {
        var (times, drained, served): ([Double], [Double], [Double]) = ([], [], [])
        for number in 0..<changes {
            usleep(UInt32.random(in: 1000...20_000))
            let change = try node.change(apps, number)
            times.append(change.heeded)
            if let end = change.drained { drained.append(end) } else { served.append(change.heeded) }
        }
        let (middle, most) = (median(times) ?? 0, percentile(times, 0.99) ?? 0)
        progress("run \(run): \(changes) changes of pods, median \(middle) ms, p99 \(most) ms")
        let work = "a pod's change until HAProxy heeds it, \(apps.count) Apps"
        emit(Sample(name: "endpoints", work: "\(work), median", value: middle, unit: "ms"))
        emit(Sample(name: "endpoints", work: "\(work), p99", value: most, unit: "ms"))
        for (what, times) in [("ready until it is served", served), ("not ready until it is drained", drained)] {
            let value = percentile(times, 0.99) ?? 0
            emit(Sample(name: "endpoints", work: "\(what), \(apps.count) Apps, p99", value: value, unit: "ms"))
        }
    }
    let own = try proportionalMegabytes(of: [Int(getpid())]) - memoryBefore
    let proxies = try proportionalMegabytes(of: node.proxies())
    emit(Sample(name: "endpoints", work: "memory of HAProxy, \(apps.count) Apps", value: proxies, unit: "MB"))
    emit(Sample(name: "endpoints", work: "memory of who tells it, \(apps.count) Apps", value: own, unit: "MB"))
}

private func proportionalMegabytes(of pids: [Int]) throws -> Double {
    try ProcessEntry.all().filter { pids.contains($0.pid) }.reduce(0) { $0 + $1.proportionalMegabytes }
}

/// Apps of one port and two pods each.
struct ManyApps {
    let count: Int

    var apps: [App] {
        (0..<count).map { number in
            App { app in
                app.metadata.name = "app-\(number)"
                app.metadata.namespace = "default"
                app.metadata.uid = "uid-app-\(number)"
                app.spec.ports = [AppPort { ($0.name, $0.port) = ("http", 8080) }]
                app.status = AppStatus { $0.virtualAddress = "10.198.\(number / 250).\(number % 250 + 1)" }
            }
        }
    }

    /// One of an App's two pods. Nobody listens at its address; nobody asks it anything either.
    func pod(_ app: Int, _ place: Int, isReady: Bool = true) -> Pod {
        Pod { pod in
            pod.metadata.name = "app-\(app)-\(place)"
            pod.metadata.namespace = "default"
            pod.metadata.uid = uid(app, place)
            pod.metadata.labels = [WellKnown.appLabel: "app-\(app)", WellKnown.revisionLabel: "app-\(app)-1"]
            pod.status = PodStatus { status in
                status.podIP = "10.199.\(app / 100).\(app % 100 * 2 + place + 1)"
                status.conditions = [Condition("Ready", isReady, reason: "Benchmark", message: "")]
            }
        }
    }

    func uid(_ app: Int, _ place: Int) -> String { "uid-pod-\(app)-\(place)" }

    var pods: [Pod] { (0..<count).flatMap { [pod($0, 0), pod($0, 1)] } }
}

/// What of `martlet up` has to do with requests, without pods.
final class DataPlaneNode {
    private let directory: String
    private let plane: NodeDataPlane
    private let keeper: TrafficKeeper

    init(directory: String) throws {
        self.directory = directory
        try makeDirectories(directory, mode: 0o700)
        let network = try NodeNetwork(
            cidr: "10.199.0.0/16", serviceCIDR: "10.198.0.0/16", runDirectory: directory)
        try network.ensureBridge()
        try network.ensureFilter()
        let authority = try CertificateAuthority.generate(
            commonName: "martlet-bench", now: MachineClock.wall.seconds)
        let certificates = RouteCertificates(
            directory: "\(directory)/routes", authority: authority, secret: { _, _ in [:] }, log: { tell($0) })
        plane = try NodeDataPlane(
            network: network, options: HAProxyOptions(directory: "\(directory)/proxy"),
            nameDirectory: "\(directory)/dns", settings: ProxySettings(httpPort: nil, httpsPort: nil),
            certificates: certificates, log: { tell($0) })
        keeper = TrafficKeeper(plane)
        try plane.start()
    }

    /// Has HAProxy serve all pods of all Apps.
    func begin(_ apps: ManyApps) throws {
        keeper.note(AppChange.all(apps.apps))
        keeper.note(PodChange.all(apps.pods))
        let start = MachineTime.now
        for app in 0..<apps.count {
            for place in 0...1 { try awaitServed(apps.uid(app, place), serves: true, within: 60_000) }
        }
        progress("\(apps.count) Apps with two pods each are served after \(MachineTime.now - start) ms")
    }

    /// Has one pod be ready no more, or ready again, and returns after how many milliseconds HAProxy does as it says; of one that is
    /// ready no more also when it counts as drained.
    func change(_ apps: ManyApps, _ number: Int) throws -> (heeded: Double, drained: Double?) {
        let app = number / 2 * 7 % apps.count
        let isReady = number % 2 == 1
        let pod = apps.pod(app, 0, isReady: isReady)
        let start = MachineTime.now
        keeper.note(PodChange.changed(pod))
        try awaitServed(pod.uid, serves: isReady, within: 10_000)
        let time = MachineTime.now - start
        guard try state(of: pod.uid) == (isReady ? "0" : "8") else {
            throw BenchmarkError("HAProxy says otherwise of \(pod.name)")
        }
        if isReady { return (time, nil) }
        while !plane.isDrained(pod.uid) {
            guard MachineTime.now - start < 10_000 else { throw BenchmarkError("\(pod.name) does not drain") }
            usleep(100)
        }
        return (time, MachineTime.now - start)
    }

    private func awaitServed(_ pod: String, serves: Bool, within limit: Double) throws {
        let start = MachineTime.now
        while plane.isServing(pod) != serves {
            guard MachineTime.now - start < limit else { throw BenchmarkError("\(pod) is not served as it should be") }
            usleep(100)
        }
    }

    /// What HAProxy has a server do: 0 is nothing that it was told by command, 8 is to drain.
    private func state(of pod: String) throws -> String? {
        let answer = try ask("\(directory)/proxy/admin.sock", "show servers state")
        let line = answer.split(separator: "\n").first { $0.contains(" \(pod) ") }
        return line.map { String($0.split(separator: " ")[6]) }
    }

    /// The processes of HAProxy.
    func proxies() throws -> [Int] {
        try ProcessEntry.all().filter { $0.commandLine.contains("\(directory)/proxy/haproxy.cfg") }.map(\.pid)
    }

    /// Ends all that was started.
    func end() {
        plane.leave()
        try? HAProxyDirector.end(HAProxyOptions(directory: "\(directory)/proxy"))
        try? NameServer.end(directory: "\(directory)/dns")
        try? removeTree(directory)
    }
}
