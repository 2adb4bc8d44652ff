import Glibc
import Linux
import Synchronization

/// The tables of the packet filter, once they are opened.
final class FilterTables: Sendable {
    let pods: OwnedTable
    let services: OwnedTable
    let flows: FlowTable
    let filter: PacketFilter

    init(bridge: String, namespacePath: String) throws(LinuxError) {
        filter = try PacketFilter(namespacePath: namespacePath)
        let name = NodeFilter.tableName(bridge: bridge)
        pods = OwnedTable(name: name, filter: filter)
        services = OwnedTable(name: "\(name)-udp", filter: filter)
        let namespace = try NetworkNamespace(path: namespacePath)
        flows = FlowTable(
            socket: try namespace.run { () throws(LinuxError) in
                try KernelNetlinkSocket(protocol: Netlink.netfilter)
            })
    }
}

/// What the packet filter has to do beside what the pods' records say.
struct FilterState {
    /// The tables; nil before they are used for the first time.
    var tables: FilterTables?
    /// UDP ports of virtual addresses; nil before anybody said which there are.
    var services: [UDPService]?
}

extension NodeNetwork {
    /// Puts the node's packet filter in place: pods reach the outside under the node's address, and the node's ports lead to the
    /// pods that the records name. Two tables of our own are all that is touched; one that is right already stays as it is.
    public func ensureFilter() throws(NetworkError) {
        try system { () throws(LinuxError) in try applyFilter() }
    }

    /// Spreads packets to UDP ports of virtual addresses over these pods. Flows to a pod that is no longer among them are
    /// forgotten, so that their next packet goes to one that is.
    public func setUDPServices(_ services: [UDPService]) throws(NetworkError) {
        filterState.withLock { $0.services = services }
        try ensureFilter()
    }

    /// Puts the packet filter's tables back if somebody changed them or took them away, and finishes what failed before: to be
    /// called every few seconds. Costs a question to the kernel as long as nobody changed any table of the machine.
    ///
    /// - Returns: Whether anything was put back.
    @discardableResult
    public func repairFilter() throws(NetworkError) -> Bool {
        try system { () throws(LinuxError) in
            try applyFilter()
            let tables = try filterTables()
            let podsWere = try tables.pods.repair()
            return try tables.services.repair() || podsWere
        }
    }

    /// Takes the packet filter's tables away; nothing happens when there are none, or a kernel without such a filter.
    public func removeFilter() throws(NetworkError) {
        try system { () throws(LinuxError) in
            do throws(LinuxError) {
                let tables = try filterTables()
                try tables.services.remove()
                try tables.pods.remove()
            } catch let error where [EPROTONOSUPPORT, EOPNOTSUPP].contains(error.errno) {
                return
            }
        }
    }

    /// Held from reading what is wanted until it is in place: of two at the same time the later one must not be the older.
    func applyFilter() throws(LinuxError) {
        let result = filterState.withLock { state in Result { () throws(LinuxError) in try applyFilter(&state) } }
        try result.get()
    }

    private func applyFilter(_ state: inout FilterState) throws(LinuxError) {
        let tables = try filterTables(&state)
        let hostPorts = records.withLock(\.hostPorts)
        let filter = NodeFilter(
            table: tables.pods.name, bridge: bridge, bridgeAddress: plan.bridgeAddress, podRange: plan.range,
            serviceRange: serviceRange, hostPorts: hostPorts)
        var isChanged = try tables.pods.set(filter.text)
        if let services = state.services {
            let text = UDPFilter(table: tables.services.name, services: services).text
            isChanged = try tables.services.set(text) || isChanged
        }
        try allowLoopback(!hostPorts.isEmpty)
        if isChanged { try forgetStaleFlows(tables, state.services, hostPorts) }
    }

    private func forgetStaleFlows(
        _ tables: FilterTables, _ services: [UDPService]?, _ hostPorts: [NodeFilter.Target]
    ) throws(LinuxError) {
        // Until the services are known nobody can say which flows to them are stale.
        guard let services else { return }
        var targets = FlowTargets(podRange: plan.range, serviceRange: serviceRange)
        for service in services { targets.services[service.destination] = Set(service.endpoints) }
        for target in hostPorts where target.port.transport == .udp {
            targets.hostPorts[target.port.port] = Destination(target.address, target.port.podPort)
        }
        try tables.flows.forgetStale(targets)
    }

    /// Lets the node reach its ports that lead to pods at 127.0.0.1 too: the kernel sends nothing with such an address over the
    /// bridge otherwise. The table drops what pods send to loopback addresses, which this would let in (CVE-2020-8558).
    private func allowLoopback(_ isAllowed: Bool) throws(LinuxError) {
        let namespace = try NetworkNamespace(path: hostNamespacePath)
        let file = "/proc/sys/net/ipv4/conf/\(bridge)/route_localnet"
        let value = isAllowed ? "1" : "0"
        try namespace.run { () throws(LinuxError) in
            if fileExists(file), try readText(file).first.map(String.init) != value { try writeFile(file, value) }
        }
    }

    private func filterTables() throws(LinuxError) -> FilterTables {
        let result = filterState.withLock { state in
            Result { () throws(LinuxError) in try filterTables(&state) }
        }
        return try result.get()
    }

    private func filterTables(_ state: inout FilterState) throws(LinuxError) -> FilterTables {
        if let tables = state.tables { return tables }
        let tables = try FilterTables(bridge: bridge, namespacePath: hostNamespacePath)
        state.tables = tables
        return tables
    }
}
