/// etcd's requests as gRPC messages (etcd's rpc.proto), written by hand: there are three.
enum EtcdMessages {
    static let putPath = "/etcdserverpb.KV/Put"
    static let rangePath = "/etcdserverpb.KV/Range"
    static let watchPath = "/etcdserverpb.Watch/Watch"

    /// Sets a key.
    static func put(key: String, value: [UInt8]) -> [UInt8] { framed(field(1, Array(key.utf8)) + field(2, value)) }

    /// Reads a key, linearizably, as is etcd's default.
    static func range(key: String) -> [UInt8] { framed(field(1, Array(key.utf8))) }

    /// Watches all keys from one up to another.
    static func watch(from first: String, to end: String) -> [UInt8] {
        framed(field(1, field(1, Array(first.utf8)) + field(2, Array(end.utf8))))
    }

    /// A message's five bytes of frame: not compressed, and the length.
    private static func framed(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(message.count)
        return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    /// A length-delimited field of Protocol Buffers.
    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2] + varint(bytes.count) + bytes
    }

    private static func varint(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
    }
}
