import Glibc
import Linux
import Model
import Synchronization
import Testing

@testable import Network

/// A clock that stands until it is moved.
final class HandClock: Sendable {
    private let time = Mutex(TimeSpan.seconds(1000))

    var now: TimeSpan { time.withLock { $0 } }

    func pass(_ span: TimeSpan) { time.withLock { $0 = $0 + span } }
}

@Suite struct AddressRecordsTests {
    private let plan: PodAddressPlan
    private let clock = HandClock()

    init() throws { plan = try PodAddressPlan(cidr: "10.9.8.0/29") }

    private func records(_ directory: String) throws -> AddressRecords {
        try AddressRecords(
            directory: "\(directory)/network", restingDirectory: "\(directory)/resting",
            clock: { [clock] in clock.now })
    }

    @Test func `an address outlives the one who gave it`() throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            let first = try records.allocate(podUID: "a", plan: plan)
            #expect(try readText("\(directory)/network/a") == "10.9.8.2\n")
            var again = try self.records(directory)
            #expect(try again.allocate(podUID: "a", plan: plan) == first)
            #expect(try again.allocate(podUID: "b", plan: plan) != first)
            try again.release(podUID: "a")
            try again.release(podUID: "a")
            #expect(try listDirectory("\(directory)/network") == ["b"])
        }
    }

    @Test func `a crash during a write leaves no address`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/network")
            try writeDurably("\(directory)/network/a.tmp", text: "10.9")
            let records = try records(directory)
            #expect(records.addresses.isEmpty)
            #expect(!fileExists("\(directory)/network/a.tmp"))
        }
    }

    @Test func `a wanted address must be free and a pod's`() throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            let wanted = try IPAddress("10.9.8.5")
            #expect(try records.allocate(podUID: "a", wanted: wanted, plan: plan).address == wanted)
            #expect(try records.allocate(podUID: "a", plan: plan).address == wanted)
            for text in ["10.9.8.5", "10.9.8.1", "10.9.8.7", "10.1.1.1"] {
                let address = try IPAddress(text)
                #expect(throws: NetworkError.self) { try records.allocate(podUID: "b", wanted: address, plan: plan) }
            }
            let other = try IPAddress("10.9.8.6")
            #expect(throws: NetworkError.self) { try records.allocate(podUID: "a", wanted: other, plan: plan) }
            #expect(records.addresses == ["a": wanted])
        }
    }

    @Test func `an address of another range is replaced and a full range is an error`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/network")
            try writeDurably("\(directory)/network/a", text: "10.1.1.1\n")
            var records = try records(directory)
            #expect(plan.isPodAddress(try records.allocate(podUID: "a", plan: plan).address))
            for name in ["b", "c", "d", "e"] { _ = try records.allocate(podUID: name, plan: plan) }
            let error = #expect(throws: NetworkError.self) { try records.allocate(podUID: "f", plan: plan) }
            #expect(error == .exhausted(plan.range, resting: 0, nextFree: nil))
            #expect(error?.description == "no free address in 10.9.8.0/29")
        }
    }

    @Test func `an address that was given back rests for 30 seconds, also over a restart`() throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            for name in ["a", "b", "c", "d", "e"] { _ = try records.allocate(podUID: name, plan: plan) }
            try records.release(podUID: "b")
            clock.pass(.seconds(10))
            try records.release(podUID: "d")
            clock.pass(.milliseconds(19_500))
            var again = try self.records(directory)
            let error = #expect(throws: NetworkError.self) { try again.allocate(podUID: "f", plan: plan) }
            #expect(error == .exhausted(plan.range, resting: 2, nextFree: .seconds(1)))
            #expect(
                error?.description
                    == "no free address in 10.9.8.0/29: 2 of those given back lately rest, the next is free in 1s")
            let resting = try IPAddress("10.9.8.3")
            #expect(throws: NetworkError.invalid("address 10.9.8.3 was in use until lately, free in 1s")) {
                try again.allocate(podUID: "f", wanted: resting, plan: plan)
            }
            clock.pass(.milliseconds(500))
            #expect(try again.allocate(podUID: "f", plan: plan).address == resting)
            #expect(try listDirectory("\(directory)/resting") == ["10.9.8.5"])
        }
    }

    @Test func `a rest from before the machine started anew is over`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/resting")
            try writeDurably("\(directory)/resting/10.9.8.2", text: "\(TimeSpan.seconds(5000).nanoseconds)\n")
            var records = try records(directory)
            #expect(try records.allocate(podUID: "a", plan: plan).address.description == "10.9.8.2")
        }
    }

    @Test func `a crash between the two files of a release leaves the pod its address`() throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            let own = try records.allocate(podUID: "a", plan: plan)
            try writeDurably("\(directory)/resting/\(own.address)", text: "\(clock.now.nanoseconds)\n")
            var again = try self.records(directory)
            #expect(try again.allocate(podUID: "a", plan: plan) == own)
            try again.release(podUID: "a")
            #expect(again.resting.keys.sorted() == [own.address])
        }
    }

    @Test func `the node's ports are kept with the address, and one belongs to one pod`() throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            let ports = [HostPort(.tcp, 8080, podPort: 80), HostPort(.udp, 53, podPort: 5353)]
            _ = try records.allocate(podUID: "a", hostPorts: ports, plan: plan)
            #expect(try readText("\(directory)/network/a") == "10.9.8.2\nport TCP 8080 80\nport UDP 53 5353\n")
            var again = try self.records(directory)
            #expect(again.hostPorts.map(\.port) == ports.reversed())
            #expect(throws: NetworkError.conflict("port 8080/TCP of the node is taken by pod a")) {
                try again.allocate(podUID: "b", hostPorts: [HostPort(.tcp, 8080, podPort: 9)], plan: plan)
            }
            #expect(again.addresses.count == 1)
            _ = try again.allocate(podUID: "b", hostPorts: [HostPort(.udp, 8080, podPort: 9)], plan: plan)
            try again.release(podUID: "a")
            _ = try again.allocate(podUID: "c", hostPorts: ports, plan: plan)
        }
    }

    @Test func `a record that makes no sense is named`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/network")
            try writeDurably("\(directory)/network/a", text: "10.9.8.2\nport SCTP 1 2\n")
            #expect(throws: NetworkError.invalid("bad address record a: port SCTP 1 2")) { try records(directory) }
        }
    }

    @Test(arguments: ["", "..", "a/b", "a.tmp", "a b", "\u{e9}"])
    func `a pod UID that is no plain name is refused`(podUID: String) throws {
        try withTemporaryDirectory { directory in
            var records = try records(directory)
            #expect(throws: NetworkError.invalid("bad pod UID \(podUID)")) {
                try records.allocate(podUID: podUID, plan: plan)
            }
        }
    }
}
