import Model
import Testing

@testable import Network

@Suite struct AddressTests {
    @Test(arguments: [
        ("0.0.0.0", UInt128(0)), ("10.77.0.1", 0x0A4D_0001), ("255.255.255.255", 0xFFFF_FFFF), ("1.2.3.4", 0x0102_0304),
    ])
    func `an address is read and written`(text: String, bits: UInt128) throws {
        let address = try IPAddress(text)
        #expect(address.bits == bits)
        #expect(address.description == text)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.", ".1.2.3", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4",
        "-1.2.3.4", "0x1.2.3.4", "1.2.3.٤", "::1", "localhost", "1..2.3",
    ])
    func `what is not an address is refused`(text: String) {
        #expect(throws: NetworkError.invalid("bad IPv4 address \(text)")) { try IPAddress(text) }
    }

    @Test(arguments: [
        "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "/8", "10.0.0/8",
        "10.0.0.0/ 8", "10.0.0.0/+8",
    ])
    func `what is not a range is refused`(text: String) {
        #expect(throws: NetworkError.self) { try CIDR(text) }
    }

    @Test(arguments: [
        ("10.77.3.9/16", "10.77.0.0", "10.77.255.255"), ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/0", "0.0.0.0", "255.255.255.255"), ("192.168.1.77/30", "192.168.1.76", "192.168.1.79"),
    ])
    func `a range has a first and a last address`(text: String, first: String, last: String) throws {
        let range = try CIDR(text)
        #expect(range.first.description == first)
        #expect(range.last.description == last)
        #expect(range.contains(range.first) && range.contains(range.last))
        #expect(range.description == text)
    }

    @Test func `a plan keeps the network's, the bridge's and the broadcast address from pods`() throws {
        let plan = try PodAddressPlan(cidr: "10.9.8.0/29")
        #expect(plan.bridgeAddress.description == "10.9.8.1")
        #expect(plan.capacity == 5)
        let all = (0..<plan.capacity).compactMap { plan.address(at: $0)?.description }
        #expect(all == ["10.9.8.2", "10.9.8.3", "10.9.8.4", "10.9.8.5", "10.9.8.6"])
        #expect(plan.address(at: 5) == nil)
        #expect(!plan.isPodAddress(plan.range.first))
        #expect(!plan.isPodAddress(plan.bridgeAddress))
        #expect(!plan.isPodAddress(plan.range.last))
        #expect(!plan.isPodAddress(try IPAddress("10.9.9.2")))
    }

    @Test func `free addresses are given in turn and reused late`() throws {
        let plan = try PodAddressPlan(cidr: "10.9.8.0/29")
        var used: Set<IPAddress> = []
        var last: IPAddress?
        for expected in ["10.9.8.2", "10.9.8.3", "10.9.8.4", "10.9.8.5", "10.9.8.6"] {
            let next = try #require(plan.nextFree(used: used, after: last))
            #expect(next.description == expected)
            used.insert(next)
            last = next
        }
        #expect(plan.nextFree(used: used, after: last) == nil)
        let freed = try IPAddress("10.9.8.4")
        used.remove(freed)
        #expect(plan.nextFree(used: used, after: last) == freed)
        #expect(plan.nextFree(used: [], after: try IPAddress("10.9.8.2"))?.description == "10.9.8.3")
    }

    @Test func `a large range is not searched from its beginning to its end`() throws {
        let plan = try PodAddressPlan(cidr: "10.0.0.0/8")
        let used = Set((0..<1000).compactMap { plan.address(at: $0) })
        #expect(plan.nextFree(used: used) == plan.address(at: 1000))
    }

    @Test(arguments: ["10.0.0.0/30", "10.0.0.0/32", "10.0.0.1/24"])
    func `a range without room, or with bits behind its prefix, is refused`(text: String) {
        #expect(throws: NetworkError.self) { try PodAddressPlan(cidr: text) }
    }

    @Test func `a hardware address is local and follows from the address`() throws {
        #expect(HardwareAddress(for: try IPAddress("10.77.1.2")).description == "0a:4d:0a:4d:01:02")
    }
}
