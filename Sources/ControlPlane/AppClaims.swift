import Controllers
import Model

/// What Apps claim that only one of them can have: virtual addresses and routes.
struct AppClaims {
    private var routes: [RouteKey: Set<ObjectKey>] = [:]
    private var addresses: [String: Set<ObjectKey>] = [:]
    /// Apps for which a claim of another one has come or gone since this was last taken.
    private(set) var disturbed: Set<ObjectKey> = []

    /// How many addresses are claimed.
    var addressCount: Int { addresses.count }

    mutating func insert(_ app: App) {
        for route in app.routeKeys {
            disturbed.formUnion(routes[route] ?? [])
            routes[route, default: []].insert(app.key)
        }
        if let address = app.status?.virtualAddress {
            disturbed.formUnion(addresses[address] ?? [])
            addresses[address, default: []].insert(app.key)
        }
    }

    mutating func remove(_ app: App) {
        for route in app.routeKeys {
            routes[route]?.remove(app.key)
            if routes[route]?.isEmpty == true { routes[route] = nil }
            disturbed.formUnion(routes[route] ?? [])
        }
        if let address = app.status?.virtualAddress {
            addresses[address]?.remove(app.key)
            if addresses[address]?.isEmpty == true { addresses[address] = nil }
            disturbed.formUnion(addresses[address] ?? [])
        }
    }

    /// The Apps that are to be decided about again, each told once.
    mutating func takeDisturbed() -> Set<ObjectKey> {
        defer { disturbed = [] }
        return disturbed
    }

    /// The Apps that claim a route.
    func claimants(of route: RouteKey) -> Set<ObjectKey> { routes[route] ?? [] }

    /// The Apps that have an address.
    func holders(of address: String) -> Set<ObjectKey> { addresses[address] ?? [] }
}

extension ClusterView {
    /// The Apps that want a virtual address and have none, in order.
    var appsWithoutAddress: [ObjectKey] {
        apps.keys.filter { key in
            guard let app = apps[key]?.value else { return false }
            return !app.spec.ports.isEmpty && app.status?.virtualAddress == nil
        }
    }

    /// The routes of an App that others have: those that precede it.
    func lostRoutes(of app: App) -> [LostRoute] {
        app.routeKeys.compactMap { route in
            let owner = rivals(claims.claimants(of: route), app).min { $0.precedes($1) }
            return owner.map { LostRoute(route: route, owner: $0.key) }
        }
    }

    /// The virtual address that an App can have.
    func addressOffer(to app: App, _ plan: VirtualAddressPlan?) -> VirtualAddressOffer {
        guard let plan, !app.spec.ports.isEmpty else { return .none }
        if let own = app.status?.virtualAddress, let address = try? IPAddress(parsing: own), plan.includes(address),
            rivals(claims.holders(of: own), app).isEmpty
        {
            return .keep
        }
        let free = plan.choose(for: app.key, taken: claims.addressCount) { !claims.holders(of: "\($0)").isEmpty }
        return free.map { .free($0) } ?? .exhausted(plan.range)
    }

    /// Those of some Apps that precede one and still live.
    private func rivals(_ keys: Set<ObjectKey>, _ app: App) -> [App] {
        keys.compactMap { apps[$0]?.value }.filter {
            $0.key != app.key && $0.metadata.deletionTimestamp == nil && $0.precedes(app)
        }
    }
}
