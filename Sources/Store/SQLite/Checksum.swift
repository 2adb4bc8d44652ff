import Model

/// A checksum of a row of the log, which SQLite does not keep: FNV-1a in 64 bits, which sees any change of one byte
/// (each step is a bijection) and all but one in 2^64 of the others.
struct Checksum {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    /// What of a row's type its checksum is made with.
    enum TypePart {
        /// The number alone, as schema version 1 has it: a change of the type's name goes unseen.
        case number
        /// The number and the name.
        case name
    }

    /// - Parameter number: the number of the object's type in the file.
    static func of(_ object: StoredObject, number: Int64, document: [UInt8]?, _ part: TypePart) -> Int64 {
        let key = object.key
        return of(
            position: object.position, number: number, part == .name ? key.type : nil, key.namespace, key.name, document
        )
    }

    static func of(_ row: LogRow, type: ResourceType, _ part: TypePart) -> Int64 {
        of(
            position: row.position, number: row.type, part == .name ? type : nil, row.namespace, row.name, row.document)
    }

    /// The checksum of some bytes.
    static func of(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var checksum = Checksum()
        checksum.add(bytes)
        return checksum.hash
    }

    private static func of(
        position: Int64, number: Int64, _ type: ResourceType?, _ namespace: String, _ name: String,
        _ document: [UInt8]?
    ) -> Int64 {
        var checksum = Checksum()
        if let type {
            checksum.add(type.apiVersion.utf8)
            checksum.add(0)
            checksum.add(type.plural.utf8)
            checksum.add(type.isNamespaced ? 1 : 0)
        }
        for number in [position, number, Int64(namespace.utf8.count), Int64(name.utf8.count)] { checksum.add(number) }
        checksum.add(namespace.utf8)
        checksum.add(name.utf8)
        checksum.add(document == nil ? 0 : 1)
        if let document { checksum.add(document) }
        return Int64(bitPattern: checksum.hash)
    }

    private mutating func add(_ number: Int64) {
        withUnsafeBytes(of: number.littleEndian) { add($0) }
    }

    private mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }
}
