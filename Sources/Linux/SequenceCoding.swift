extension UnkeyedEncodingContainer {
    /// Appends a name and its values: how enumerations with values are coded here.
    package mutating func append(_ name: String, _ values: any Encodable...) throws {
        try encode(name)
        for value in values { try encode(value) }
    }
}

extension UnkeyedDecodingContainer {
    /// The next value, of the type that the place takes.
    package mutating func next<Value: Decodable>() throws -> Value { try decode(Value.self) }
}
