import Model
import Testing

@testable import Controllers

struct VirtualAddressTests {
    private func plan(_ text: String) throws -> VirtualAddressPlan { try VirtualAddressPlan(CIDR(parsing: text)) }
    private func key(_ name: String) -> ObjectKey { ObjectKey(.app, namespace: "shop", name: name) }

    @Test(arguments: [
        ("10.78.0.1/16", "did you mean 10.78.0.0/16?"), ("10.78.0.0/31", "at most /30"),
        ("10.78.0.0/32", "at most /30"),
    ])
    func `a range that cannot be meant is refused with what would be`(text: String, words: String) throws {
        let range = try CIDR(parsing: text)
        let error = #expect(throws: AddressError.self) { try VirtualAddressPlan(range) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func `every address but the first and the last is given before there is none`() throws {
        let plan = try plan("10.78.0.0/29")
        var taken: Set<IPAddress> = []
        for number in 0..<6 {
            let address = try #require(
                plan.choose(for: key("app-\(number)"), taken: taken.count) { taken.contains($0) })
            #expect(taken.insert(address).inserted)
        }
        #expect(taken.map(\.description).sorted() == (1...6).map { "10.78.0.\($0)" })
        #expect(plan.choose(for: key("one-more"), taken: taken.count) { taken.contains($0) } == nil)
    }

    @Test func `an App that is made again has the address that it had, if nobody has it`() throws {
        let plan = try plan("10.78.0.0/16")
        let first = try #require(plan.choose(for: key("web"), taken: 0) { _ in false })
        #expect(plan.choose(for: key("web"), taken: 3) { $0 == .init(family: .ipv4, bits: 1) } == first)
        #expect(plan.choose(for: key("web"), taken: 1) { $0 == first } != first)
    }

    private func status(_ offer: VirtualAddressOffer, lost: [LostRoute] = []) -> AppStatus {
        var snapshot = World(makeApp { $0.status = AppStatus { $0.virtualAddress = "10.78.0.9" } }).snapshot
        (snapshot.address, snapshot.lostRoutes) = (offer, lost)
        let actions = AppController.decide(snapshot, now: start, ids: CountingIDs())
        return actions.lazy.compactMap { if case .setAppStatus(_, let status) = $0 { status } else { nil } }.first
            ?? AppStatus()
    }

    @Test func `an App says under which address it is reached, or why it is not`() throws {
        let range = try CIDR(parsing: "10.78.0.0/30")
        let kept = status(.keep)
        #expect(kept.virtualAddress == "10.78.0.9")
        #expect(kept.conditions["Routed"]?.message == "reached under 10.78.0.9")
        #expect(status(.free(try IPAddress(parsing: "10.78.0.2"))).virtualAddress == "10.78.0.2")
        let none = status(.none)
        #expect(none.virtualAddress == nil && none.conditions["Routed"] == nil)
        let full = status(.exhausted(range))
        #expect(full.virtualAddress == nil)
        #expect(full.conditions["Routed"]?.reason == "AddressesExhausted")
        #expect(full.conditions["Routed"]?.message?.contains("10.78.0.0/30") == true)
    }

    @Test func `a route that an older App has is named with its owner`() {
        let lost = LostRoute(route: RouteKey(host: "Shop.example.com", path: "/"), owner: key("old"))
        let condition = status(.keep, lost: [lost]).conditions["Routed"]
        #expect(condition?.status == "False" && condition?.reason == "RouteTaken")
        #expect(condition?.message?.hasPrefix("shop.example.com/ belongs to App shop/old, which is older") == true)
    }
}
