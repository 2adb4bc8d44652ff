import Model
import TestSupport
import Testing

@Suite struct JSONSharingTests {
    @Test func `a document that shares with another one is the same, byte for byte`() {
        for seed in UInt64(0)..<3000 {
            var generator = SplitMix64(seed: seed)
            let older = JSONValue.random(depth: 4, using: &generator)
            let newer =
                Bool.random(using: &generator)
                ? JSONValue.random(depth: 4, using: &generator) : changed(older, using: &generator)
            #expect(newer.sharing(with: older).text() == newer.text(), "seed \(seed)")
        }
    }

    @Test(
        arguments: [
            (["a": ["b": [1, 2]], "c": 1], ["a": ["b": [1, 2]], "c": 2]),
            // One member more, one less, another order.
            (["x": 1, "a": ["b": [1, 2]]], ["a": ["b": [1, 2]]]),
            (["a": ["b": [1, 2]]], ["x": 1, "a": ["b": [1, 2]]]),
            (["a": ["b": [1, 2], "c": 3]], ["a": ["c": 3, "b": [1, 2]]]),
        ] as [(JSONValue, JSONValue)])
    func `equal parts are in memory once`(newer: JSONValue, older: JSONValue) throws {
        let shared = newer.sharing(with: older)
        #expect(shared.text() == newer.text())
        #expect(try address(of: shared, ["a", "b"]) == address(of: older, ["a", "b"]))
        #expect(try address(of: newer, ["a", "b"]) != address(of: older, ["a", "b"]))
    }

    /// Where the elements of an array are.
    private func address(of document: JSONValue, _ path: [String]) throws -> UnsafeRawPointer {
        let part = path.reduce(document as JSONValue?) { $0?[$1] }
        guard case .array(let elements) = part else { throw NoArray() }
        return try elements.withUnsafeBytes { try #require($0.baseAddress) }
    }

    private struct NoArray: Error {}

    /// A document with one member or element changed, added or left out.
    private func changed(_ document: JSONValue, using generator: inout SplitMix64) -> JSONValue {
        switch document {
        case .object(var object):
            let name = object.keys.randomElement(using: &generator)
            guard let name, let value = object[name] else { return ["a": document] }
            object[name] = Bool.random(using: &generator) ? nil : changed(value, using: &generator)
            return .object(object)
        case .array(var elements):
            guard !elements.isEmpty else { return [1] }
            let index = Int.random(in: elements.indices, using: &generator)
            elements[index] = changed(elements[index], using: &generator)
            return .array(elements + [2])
        default: return .random(depth: 2, using: &generator)
        }
    }
}
