public import Model

// The model's addresses, with the network's error.

extension AddressFamily {
    /// The kernel's number: `AF_INET`.
    var number: UInt8 {
        switch self {
        case .ipv4: 2
        }
    }
}

extension IPAddress {
    /// Reads `10.1.2.3`.
    ///
    /// - Throws: `invalid` for anything else.
    public init(_ text: String) throws(NetworkError) {
        do {
            try self.init(parsing: text)
        } catch {
            throw .invalid(error.description)
        }
    }
}

extension CIDR {
    /// Makes a range.
    ///
    /// - Throws: `invalid` for a length that the family has not.
    public init(_ address: IPAddress, prefixLength: Int) throws(NetworkError) {
        do {
            try self.init(address, length: prefixLength)
        } catch {
            throw .invalid(error.description)
        }
    }

    /// Reads `10.1.0.0/16`.
    ///
    /// - Throws: `invalid` for anything else.
    public init(_ text: String) throws(NetworkError) {
        do {
            try self.init(parsing: text)
        } catch {
            throw .invalid(error.description)
        }
    }
}
