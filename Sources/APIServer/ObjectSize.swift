import Model
import Wire

/// How large an object may be. A request's body is limited too, but patches could make an object grow without end, until
/// no watch could show it any more.
enum ObjectSize {
    /// The most that the names and values of an object may come to, in bytes.
    static let maximum = 3 << 20

    /// Refuses an object that is too large.
    static func check(_ document: JSONValue) throws(APIStatus) {
        guard bytes(of: document, atMost: maximum) > maximum else { return }
        throw APIStatus(
            code: 413, reason: "RequestEntityTooLarge", message: "the object would be larger than \(maximum) bytes")
    }

    /// The size of a value; what is larger than the limit is not looked at to its end.
    private static func bytes(of value: JSONValue, atMost limit: Int) -> Int {
        var size = 2
        switch value {
        case .string(let text): size += text.utf8.count
        case .array(let elements):
            for element in elements where size <= limit { size += bytes(of: element, atMost: limit - size) }
        case .object(let object):
            for member in object.members where size <= limit {
                size += member.name.utf8.count + bytes(of: member.value, atMost: limit - size)
            }
        default: size += 2
        }
        return size
    }
}
