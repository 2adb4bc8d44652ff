/// The object that is written and read: a ConfigMap of 512 bytes, as JSON. Each write differs from the last, because a
/// server may save itself a write that changes nothing.
struct TestObject {
    static let bytes = 512
    private(set) var document: [UInt8]
    private let counterStart: Int
    private static let digits = 8

    init(name: String) {
        let head = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\#(name)"},"data":{"marker":"mark-"#
        let middle = #"","value":""#
        let end = #""}}"#
        let used = head.utf8.count + Self.digits + middle.utf8.count + end.utf8.count
        let filler = String(repeating: "x", count: max(1, Self.bytes - used))
        document = Array((head + String(repeating: "0", count: Self.digits) + middle + filler + end).utf8)
        counterStart = head.utf8.count
    }

    /// Makes it the write of this number.
    mutating func mark(_ number: Int) {
        for (offset, byte) in Self.digits(number).enumerated() { document[counterStart + offset] = byte }
    }

    /// What stands in the write of this number, and in no other.
    static func marker(_ number: Int) -> [UInt8] { Array("mark-".utf8) + digits(number) }

    private static func digits(_ number: Int) -> [UInt8] {
        let text = String(number)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }
}
