internal import Glibc

/// Why a server cannot listen.
public struct HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What failed and why, in lower case without a full stop.
    public var message: String
    /// The message.
    public var description: String { message }

    /// Makes an error.
    public init(message: String) { self.message = message }

    /// An error with the reason that `errno` gives.
    static func system(_ what: String, _ code: Int32 = errno) -> HTTPServerError {
        HTTPServerError(message: "\(what): \(String(cString: strerror(code)).lowercased())")
    }
}
