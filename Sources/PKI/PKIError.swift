internal import CGnuTLS

/// Why a key, a certificate or randomness could not be made or read.
public struct PKIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What failed and why, in lower case without a full stop.
    public var message: String
    /// The message.
    public var description: String { message }

    /// Makes an error.
    public init(message: String) { self.message = message }
}

/// Throws when a GnuTLS call has failed; its error codes are negative.
@discardableResult
func check(_ code: Int32, _ what: @autoclosure () -> String) throws(PKIError) -> Int32 {
    guard code < 0 else { return code }
    throw PKIError(message: "\(what()): \(String(cString: gnutls_strerror(code)))")
}
