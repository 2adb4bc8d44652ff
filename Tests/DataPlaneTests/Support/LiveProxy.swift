import Glibc
import Linux
import Model
import Proxy
import Threads

@testable import DataPlane

/// A director with a real HAProxy on loopback, in a directory of its own, and the events it tells.
final class LiveProxy: Sendable {
    let director: HAProxyDirector
    let events = Monitor<[TrafficEvent]>([])
    let directory: String

    init(_ directory: String, logRoom: Int? = nil) throws {
        self.directory = directory
        var options = HAProxyOptions(directory: directory)
        if let logRoom { options.logRoom = logRoom }
        director = try HAProxyDirector(options)
        director.observe { [events] event in events.change { $0.append(event) } }
        try director.start()
    }

    /// Waits for an event.
    func await(_ isWanted: (TrafficEvent) -> Bool) -> TrafficEvent? {
        events.wait(atMost: .seconds(30)) { $0.first(where: isWanted) }
    }

    /// Waits until the pods get requests.
    func awaitServing(_ pods: String...) -> Bool {
        director.wait(atMost: .seconds(30)) { [director] in pods.allSatisfy { director.isServing($0) } ? true : nil }
            ?? false
    }

    /// Waits until the pod gets no more requests.
    func awaitUnserved(_ pod: String) -> Bool {
        director.wait(atMost: .seconds(30)) { [director] in director.isServing(pod) ? nil : true } ?? false
    }

    /// Waits until the pod gets no more requests and has none.
    func awaitDrained(_ pod: String) -> Bool {
        director.wait(atMost: .seconds(30)) { [director] in director.isDrained(pod) ? true : nil } ?? false
    }

    /// The number of the process that was started last.
    var pid: Int32? {
        events.change { events in
            events.reversed().lazy.compactMap { if case .running(let pid, _) = $0 { pid } else { nil } }.first
        }
    }
}

/// Ports of loopback that nobody else of these tests uses: below the range that the kernel gives out.
enum TestPorts {
    private static let last = Monitor(20_000 + Int(getpid() % 500) * 20)

    /// A port that is free now.
    static func next() -> Int {
        last.change { last in
            repeat { last += 1 } while isTaken(last)
            return last
        }
    }

    private static func isTaken(_ port: Int) -> Bool {
        guard let connection = HTTP.connect(port) else { return false }
        close(connection)
        return true
    }
}

/// Runs a body with a director, and ends everything afterwards.
func withProxy(_ body: (LiveProxy) throws -> Void) throws {
    try withTestDirectory { directory in
        let proxy = try LiveProxy("\(directory)/proxy")
        defer { proxy.director.stop(finishing: .milliseconds(10)) }
        try body(proxy)
    }
}

/// Runs a body with a director, origins by name, and a port for a service of theirs; ends everything afterwards.
func withOrigins(_ names: String..., body: (LiveProxy, [Origin], Int) throws -> Void) throws {
    try withProxy { proxy in
        let origins = try names.map { try Origin($0) }
        defer { for origin in origins { origin.stop() } }
        try body(proxy, origins, TestPorts.next())
    }
}

/// A service on loopback.
func service(
    _ name: String = "web", port: Int, _ origins: [Origin], next: [Origin] = [], share: Int = 0,
    protocol: AppProtocol = .http, traffic: (inout TrafficSpec) -> Void = { _ in }
) -> Service {
    var spec = TrafficSpec.standard
    traffic(&spec)
    func endpoints(_ origins: [Origin], _ revision: String) -> [Endpoint] {
        origins.map {
            Endpoint(
                podUID: $0.name, podName: $0.name, revision: revision, address: "127.0.0.1", port: $0.port)
        }
    }
    return Service(
        namespace: "test", name: name, uid: name, virtualAddress: "127.0.0.1",
        ports: [
            ServicePort(
                name: "http", port: port, protocol: `protocol`, current: endpoints(origins, "one"),
                next: endpoints(next, "two"), nextShare: share)
        ], traffic: spec)
}

/// A table without public ports.
func table(_ services: Service...) -> EndpointTable {
    var settings = ProxySettings(httpPort: nil, httpsPort: nil)
    settings.closeSpread = .milliseconds(200)
    return EndpointTable(services: services, settings: settings)
}

extension EndpointTable {
    /// The table with a pod that gets no more requests.
    func draining(_ pod: String) -> EndpointTable {
        var table = self
        for service in table.services.indices {
            for port in table.services[service].ports.indices {
                for index in table.services[service].ports[port].current.indices
                where table.services[service].ports[port].current[index].podUID == pod {
                    table.services[service].ports[port].current[index].phase = .draining
                }
            }
        }
        return table
    }
}
