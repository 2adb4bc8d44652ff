import Model
public import Network
public import Proxy

/// What is known of the cluster's Apps and pods, as far as requests have to do with it, and what follows from that for a node's
/// load balancer, packet filter and name server. A value: it is told of changes and asked for the whole.
struct EndpointBook {
    /// A pod, without what requests have nothing to do with.
    private struct Member {
        var namespace: String
        var app: String
        var name: String
        var revision: String
        var address: String
        var isReady: Bool
        var isStopping: Bool
        /// Whether it was ever ready: one that was not has no requests that could be waited for.
        var hasServed: Bool

        /// Whether requests are to come to it, as far as it is concerned.
        var isServing: Bool { isReady && !isStopping }
    }

    private var apps: [ObjectKey: App] = [:]
    private var pods: [String: Member] = [:]
    private var hasApps = false
    private var hasPods = false
    /// Whether pods of this node are ready, which their agent knows first.
    private var own: [String: Bool] = [:]
    /// Pods of this node that are about to stop.
    private var leaving: Set<String> = []

    /// Whether everything has been listed: a table of a part of the pods would take the others' requests away.
    var isComplete: Bool { hasApps && hasPods }

    // MARK: - Changes

    /// Takes every App there is.
    mutating func list(_ all: [App]) {
        apps = Dictionary(all.map { ($0.key, $0) }) { $1 }
        hasApps = true
    }

    /// Takes an App as it is now.
    mutating func put(_ app: App) { apps[app.key] = app }

    /// Forgets an App.
    mutating func remove(app: ObjectKey) { apps[app] = nil }

    /// Takes every pod there is.
    mutating func list(_ all: [Pod]) {
        let known = Set(all.map(\.uid))
        for uid in pods.keys where !known.contains(uid) { remove(podUID: uid) }
        for pod in all { put(pod) }
        hasPods = true
    }

    /// Takes a pod as it is now; one that belongs to no App or has no address serves nobody.
    mutating func put(_ pod: Pod) {
        // What the API tells of a pod of this node may be older than what its agent has told.
        let known = own[pod.uid] == nil ? nil : pods[pod.uid]?.address
        guard let app = pod.metadata.labels[WellKnown.appLabel], let address = pod.status?.podIP ?? known,
            !address.isEmpty
        else {
            pods[pod.uid] = nil
            return
        }
        let isReady = own[pod.uid] ?? (pod.status?.conditions["Ready"]?.status == "True")
        pods[pod.uid] = Member(
            namespace: pod.namespace, app: app, name: pod.name,
            revision: pod.metadata.labels[WellKnown.revisionLabel] ?? "", address: address, isReady: isReady,
            isStopping: pod.metadata.deletionTimestamp != nil,
            hasServed: isReady || pods[pod.uid]?.hasServed == true)
    }

    /// Takes a pod of this node as its agent knows it, which the API will tell later.
    mutating func note(own pod: Pod, isReady: Bool) {
        own[pod.uid] = isReady
        put(pod)
    }

    /// Forgets a pod.
    mutating func remove(podUID: String) {
        own[podUID] = nil
        pods[podUID] = nil
        leaving.remove(podUID)
    }

    /// Has a pod of this node get no more requests, whatever the API has told of it so far - unless it is the last one that is
    /// ready. A pod that takes its place is known to be ready before the API tells that this one stops; the agent, which hears
    /// of its own pods on another way, may be faster, and nobody would be there for the requests in between.
    mutating func drain(podUID: String) { leaving.insert(podUID) }

    /// How long what a pod has in flight may go on; nil for a pod of no App that is known.
    func patience(podUID: String) -> TimeSpan? {
        guard let member = pods[podUID] else { return nil }
        let app = apps[ObjectKey(.app, namespace: member.namespace, name: member.app)]
        return app.map { service($0, []).longestDrain }
    }

    // MARK: - What follows

    /// The services with their pods, without the settings that are the node's.
    var services: [Service] {
        let members = Dictionary(grouping: pods.sorted { $0.key < $1.key }) { "\($0.value.namespace)/\($0.value.app)" }
        return apps.values.filter { !$0.spec.ports.isEmpty }.map { app in
            service(app, members["\(app.namespace)/\(app.name)"] ?? [])
        }.sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
    }

    private func service(_ app: App, _ members: [(key: String, value: Member)]) -> Service {
        let staying = members.contains { $0.value.isServing && !leaving.contains($0.key) }
        let ports = app.spec.ports.map { port in
            let endpoints = members.compactMap { uid, member in
                let isLeaving = staying && leaving.contains(uid)
                return endpoint(uid, member, port: port.port, serves: member.isServing && !isLeaving)
            }
            return ServicePort(
                name: port.name, port: port.port, protocol: AppProtocol(rawValue: port.protocol ?? "HTTP") ?? .http,
                current: endpoints)
        }
        return Service(
            namespace: app.namespace, name: app.name, uid: app.uid, virtualAddress: app.status?.virtualAddress,
            ports: ports, routes: app.spec.routes, traffic: app.spec.traffic ?? .standard,
            drain: app.spec.stop?.drain ?? PodRecord.usualDrain,
            createdAt: app.metadata.creationTimestamp ?? Timestamp(seconds: 0))
    }

    /// A pod that is not ready any more keeps the requests that it has; one that never was gets none.
    private func endpoint(_ uid: String, _ member: Member, port: Int, serves: Bool) -> Endpoint? {
        guard serves || member.hasServed || member.isStopping else { return nil }
        return Endpoint(
            podUID: uid, podName: member.name, revision: member.revision, address: member.address, port: port,
            phase: serves ? .ready : .draining)
    }

    /// Every virtual address that an App has.
    var virtualAddresses: Set<IPAddress> {
        Set(apps.values.compactMap { $0.status?.virtualAddress.flatMap { try? IPAddress(parsing: $0) } })
    }

    /// The Apps' names: of one with ports its virtual address, of one without the addresses of its ready pods.
    var names: Names {
        let ready = Dictionary(grouping: pods.values.filter(\.isServing)) {
            "\($0.namespace)/\($0.app)"
        }
        return Names(
            apps.values.map { app in
                let own = app.status?.virtualAddress.map { [$0] }
                let addresses = own ?? (ready["\(app.namespace)/\(app.name)"] ?? []).map(\.address)
                return AppName(
                    namespace: app.namespace, name: app.name,
                    addresses: addresses.compactMap { try? IPAddress(parsing: $0) }.sorted(),
                    ports: app.spec.ports.map {
                        AppName.Port(
                            name: $0.name, transport: $0.protocol == "UDP" ? .udp : .tcp,
                            number: UInt16(clamping: $0.port))
                    })
            })
    }
}

extension [Service] {
    /// The UDP ports, which the packet filter spreads: HAProxy does not speak it.
    public var udpServices: [UDPService] {
        flatMap { service -> [UDPService] in
            guard let address = service.virtualAddress.flatMap({ try? IPAddress(parsing: $0) }) else { return [] }
            return service.ports.filter { $0.protocol == .udp }.map { port in
                let ready = (port.current + port.next).filter { $0.phase == .ready }
                return UDPService(
                    Destination(address, UInt16(clamping: port.port)),
                    endpoints: ready.compactMap { endpoint in
                        (try? IPAddress(parsing: endpoint.address)).map {
                            Destination($0, UInt16(clamping: endpoint.port))
                        }
                    })
            }
        }
    }
}
