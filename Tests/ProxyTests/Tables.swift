import Model
import Proxy

/// A pod on port 80 of an address made of its name's last character.
func endpoint(_ pod: String, _ phase: Endpoint.Phase = .ready, address: String? = nil) -> Endpoint {
    let number = pod.utf8.last.map { Int($0) % 200 } ?? 1
    return Endpoint(
        podUID: pod, podName: pod, revision: "web-1", address: address ?? "10.0.0.\(number)", port: 80, phase: phase)
}

/// A service with one port of pods.
func service(
    _ name: String = "web", current: [Endpoint] = [], next: [Endpoint] = [], share: Int = 0,
    protocol: AppProtocol = .http, traffic: (inout TrafficSpec) -> Void = { _ in }
) -> Service {
    var spec = TrafficSpec.standard
    traffic(&spec)
    return Service(
        namespace: "shop", name: name, uid: name, virtualAddress: "10.78.0.1",
        ports: [
            ServicePort(name: "http", port: 80, protocol: `protocol`, current: current, next: next, nextShare: share)
        ], traffic: spec)
}

/// The configuration for some services.
func configuration(_ services: Service...) -> HAProxyConfiguration {
    HAProxyConfiguration(EndpointTable(services: services), directory: "/run/martlet/proxy")
}

/// What HAProxy would say of itself just after it was started with a configuration.
func fresh(_ configuration: HAProxyConfiguration) -> ObservedProxy {
    var observed = ObservedProxy(mark: configuration.mark, backends: Set(configuration.backends.map(\.name)))
    for map in configuration.maps { observed.maps[map.name] = map.entries }
    for backend in configuration.backends {
        var taken: Set<Int> = []
        for endpoint in backend.endpoints {
            let number = serverNumber(endpoint.podUID, taken: taken)
            taken.insert(number)
            observed.servers[ServerName(backend.name, endpoint.podUID)] = ObservedServer(
                address: "\(endpoint.address):\(endpoint.port)",
                state: endpoint.phase == .ready ? .ready : .maintenance,
                limit: backend.service.traffic.maxConnections, number: number)
        }
    }
    return observed
}

extension RequestLogReader {
    /// Reads a text.
    mutating func take(_ text: String) -> [RequestRecord] { Array(text.utf8).withUnsafeBytes { take($0) } }
}
