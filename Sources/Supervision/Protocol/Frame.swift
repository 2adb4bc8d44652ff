import CLinux
import Glibc
import Linux
import Model

/// Messages on a supervisor's socket: four bytes of length, most significant first, then JSON. Descriptors travel
/// with the first byte.
public enum Frame {
    /// The largest message, in bytes. A launch plan has some ten kilobytes.
    public static let maximumLength = 4 << 20
    /// How many descriptors come with a message at most.
    public static let maximumDescriptors = 16

    /// A message as it is sent.
    public static func encode(_ message: some Encodable) -> [UInt8] {
        let body = message.json.serialized()
        let length = UInt32(truncatingIfNeeded: body.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + body
    }

    /// Takes the first whole message's bytes off a buffer; nil while it is incomplete.
    ///
    /// - Throws: `EMSGSIZE` for a message that is longer than allowed.
    static func take(from buffer: inout [UInt8]) throws(LinuxError) -> [UInt8]? {
        guard buffer.count >= 4 else { return nil }
        let length = buffer[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard length <= maximumLength else { throw LinuxError("receive", errno: EMSGSIZE) }
        guard buffer.count >= 4 + length else { return nil }
        defer { buffer.removeFirst(4 + length) }
        return Array(buffer[4..<(4 + length)])
    }

    /// Reads a message's JSON.
    static func decode<Message: Decodable>(_ bytes: [UInt8]) throws(LinuxError) -> Message {
        do {
            return try Message(json: JSONValue(parsing: bytes))
        } catch {
            throw LinuxError("receive", errno: EBADMSG, detail: "\(error)")
        }
    }
}

/// What `Frame` needs of a socket: bytes and descriptors.
enum FrameSocket {
    /// Receives once; an empty array of bytes is the end.
    static func receive(_ socket: Int32) throws(LinuxError) -> (bytes: [UInt8], descriptors: [Int32]) {
        var descriptors = [Int32](repeating: -1, count: Frame.maximumDescriptors)
        var count = Int32(descriptors.count)
        var length = 0
        // Not cleared: a supervisor would for good have the memory that it has once touched.
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
            length = linux_receive(socket, buffer.baseAddress, buffer.count, &descriptors, &count)
            initialized = max(length, 0)
        }
        let error = errno
        guard length >= 0 else { throw LinuxError("recvmsg", errno: error) }
        return (bytes, Array(descriptors[..<Int(count)]))
    }

    /// Sends a part of a message; returns how many bytes were taken.
    static func send(
        _ socket: Int32, _ bytes: ArraySlice<UInt8>, descriptors: [Int32], wait: Bool
    ) throws(LinuxError) -> Int {
        try systemCall("sendmsg") {
            bytes.withUnsafeBytes { bytes in
                linux_send(socket, bytes.baseAddress, bytes.count, descriptors, Int32(descriptors.count), wait ? 1 : 0)
            }
        }
    }
}
