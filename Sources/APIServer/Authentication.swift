public import HTTP
public import Model

/// Who asks.
public struct Identity: Hashable, Sendable {
    /// The user's name.
    public var name: String
    /// The groups the user belongs to.
    public var groups: [String]

    /// Makes an identity.
    public init(name: String, groups: [String]) {
        self.name = name
        self.groups = groups
    }
}

/// Finds out who asks.
public protocol Authenticator: AnyObject, Sendable {
    /// Who sent a request; nil when it proves nothing.
    func authenticate(_ request: HTTPRequest) -> Identity?
}

/// Decides who may do what.
public protocol Authorizer: AnyObject, Sendable {
    /// Whether somebody may do something.
    ///
    /// - Parameters:
    ///   - verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    ///   - namespace: empty for all namespaces and for cluster-wide types.
    ///   - name: nil for the whole collection.
    func allows(
        _ identity: Identity, verb: String, on type: ResourceType, namespace: String, name: String?
    ) -> Bool
}

/// Knows bearer tokens and client certificates.
public final class StaticAuthenticator: Authenticator {
    private let tokens: [(token: [UInt8], identity: Identity)]

    /// Makes an authenticator.
    ///
    /// - Parameter tokens: whom each bearer token stands for.
    public init(tokens: [String: Identity]) {
        self.tokens = tokens.filter { !$0.key.isEmpty }.map { (Array($0.key.utf8), $0.value) }
    }

    /// The identity of the client certificate, else the one of the bearer token.
    public func authenticate(_ request: HTTPRequest) -> Identity? {
        // A certificate that proves nothing is no reason to look further.
        guard request.certificateError == nil else { return nil }
        if let subject = request.clientCertificate, !subject.commonName.isEmpty {
            return Identity(name: subject.commonName, groups: subject.organizations + ["system:authenticated"])
        }
        guard let header = request.headers["authorization"] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return identity(of: Array(parts[1].utf8))
    }

    /// Looks at every token and every byte, so that the time taken says nothing about how much of a token is right.
    private func identity(of presented: [UInt8]) -> Identity? {
        var found: Identity?
        for (token, identity) in tokens {
            var difference = token.count ^ presented.count
            for index in presented.indices { difference |= Int(presented[index] ^ token[index % token.count]) }
            if difference == 0 { found = identity }
        }
        return found
    }
}

/// Gives administrators and nodes every right, and nobody else any.
public final class GroupAuthorizer: Authorizer {
    /// Makes the authorizer.
    public init() {}

    /// Whether the identity is of the group `system:masters`, or names a node.
    public func allows(
        _ identity: Identity, verb: String, on type: ResourceType, namespace: String, name: String?
    ) -> Bool {
        identity.groups.contains("system:masters")
            || (identity.groups.contains("system:nodes") && identity.name.hasPrefix("system:node:"))
    }
}
