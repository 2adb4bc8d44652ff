import Glibc
import Linux
import Testing

@testable import Network

@Suite struct AddressRecordsTests {
    private let plan: PodAddressPlan

    init() throws { plan = try PodAddressPlan(cidr: "10.9.8.0/29") }

    @Test func `an address outlives the one who gave it`() throws {
        try withTemporaryDirectory { directory in
            var records = try AddressRecords(directory: directory)
            let first = try records.allocate(podUID: "a", wanted: nil, plan: plan)
            #expect(try readText("\(directory)/a") == "10.9.8.2\n")
            var again = try AddressRecords(directory: directory)
            #expect(try again.allocate(podUID: "a", wanted: nil, plan: plan) == first)
            #expect(try again.allocate(podUID: "b", wanted: nil, plan: plan) != first)
            try again.release(podUID: "a")
            try again.release(podUID: "a")
            #expect(try listDirectory(directory) == ["b"])
        }
    }

    @Test func `a crash during a write leaves no address`() throws {
        try withTemporaryDirectory { directory in
            try writeDurably("\(directory)/a.tmp", text: "10.9")
            let records = try AddressRecords(directory: directory)
            #expect(records.addresses.isEmpty)
            #expect(!fileExists("\(directory)/a.tmp"))
        }
    }

    @Test func `a wanted address must be free and a pod's`() throws {
        try withTemporaryDirectory { directory in
            var records = try AddressRecords(directory: directory)
            let wanted = try IPAddress("10.9.8.5")
            #expect(try records.allocate(podUID: "a", wanted: wanted, plan: plan) == wanted)
            #expect(try records.allocate(podUID: "a", wanted: nil, plan: plan) == wanted)
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
            try writeDurably("\(directory)/a", text: "10.1.1.1\n")
            var records = try AddressRecords(directory: directory)
            #expect(plan.isPodAddress(try records.allocate(podUID: "a", wanted: nil, plan: plan)))
            for name in ["b", "c", "d", "e"] { _ = try records.allocate(podUID: name, wanted: nil, plan: plan) }
            #expect(throws: NetworkError.exhausted(plan.range)) {
                try records.allocate(podUID: "f", wanted: nil, plan: plan)
            }
        }
    }

    @Test(arguments: ["", "..", "a/b", "a.tmp", "a b", "\u{e9}"])
    func `a pod UID that is no plain name is refused`(podUID: String) throws {
        try withTemporaryDirectory { directory in
            var records = try AddressRecords(directory: directory)
            #expect(throws: NetworkError.invalid("bad pod UID \(podUID)")) {
                try records.allocate(podUID: podUID, wanted: nil, plan: plan)
            }
        }
    }
}
