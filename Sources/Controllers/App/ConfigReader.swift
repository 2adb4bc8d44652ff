public import Model

/// The Secrets and ConfigMaps that an App's pods read.
public struct ConfigReferences: Hashable, Sendable {
    /// One object, and the keys of it that are read.
    public struct Reference: Hashable, Sendable {
        /// `configMap` or `secret`.
        public let type: ResourceType
        /// The object's name.
        public let name: String
        /// The keys; nil for all of them.
        public let keys: [String]?
        /// Whether the pods may start without it.
        public let isOptional: Bool
    }

    /// The references, in an order that depends on the spec only.
    public let all: [Reference]

    /// Collects the references of a spec: environment variables of every container, then volumes.
    public init(_ spec: AppSpec) {
        let environments = [spec.env] + (spec.initContainers + spec.sidecars).map(\.env)
        var found: [Reference] = []
        for environment in environments {
            for (_, source) in environment.sorted(by: { $0.key < $1.key }) {
                switch source {
                case .secret(let name, let key):
                    found.append(Reference(type: .secret, name: name, keys: [key], isOptional: false))
                case .config(let name, let key):
                    found.append(Reference(type: .configMap, name: name, keys: [key], isOptional: false))
                case .value, .field: break
                }
            }
        }
        for volume in spec.volumes {
            if let source = volume.config { found.append(Self.projected(source, .configMap)) }
            if let source = volume.secret { found.append(Self.projected(source, .secret)) }
        }
        all = found
    }

    private static func projected(_ source: ProjectionSource, _ type: ResourceType) -> Reference {
        Reference(
            type: type, name: source.name, keys: source.items.isEmpty ? nil : source.items.map(\.key),
            isOptional: source.optional ?? false)
    }

    /// The names of the referenced objects of a type, each once, in order.
    public func names(of type: ResourceType) -> [String] {
        Set(all.filter { $0.type == type }.map(\.name)).sorted()
    }
}

/// What the references of an App lead to.
enum ConfigReading: Hashable {
    /// The hash of everything that is read; nil when nothing is.
    case hash(String?)
    /// An object or a key is missing: what to tell the user.
    case missing(String)
}

extension AppSnapshot {
    /// Reads what the App's pods will read.
    ///
    /// Values of a Secret are hashed together with its uid, which only those who may read the Secret know: the hash that
    /// ends up on pods cannot be used to guess a short password. A Secret that was deleted and made again is therefore a
    /// change even where its values are the same.
    func readConfig() -> ConfigReading {
        let references = ConfigReferences(app.spec).all
        guard !references.isEmpty else { return .hash(nil) }
        var hash = Fingerprint()
        for reference in references {
            hash.combine("\(reference.type.plural)/\(reference.name)")
            guard let data = values(of: reference) else {
                if reference.isOptional { continue }
                return .missing(
                    "\(reference.type.kind) \"\(reference.name)\" does not exist in namespace \"\(app.namespace)\"")
            }
            hash.combine(data.salt)
            for key in reference.keys ?? data.values.keys.sorted() {
                guard let value = data.values[key] else {
                    if reference.isOptional { continue }
                    return .missing("\(reference.type.kind) \"\(reference.name)\" has no key \"\(key)\"")
                }
                hash.combine(key)
                hash.combine(value)
            }
        }
        return .hash(hash.text)
    }

    private func values(of reference: ConfigReferences.Reference) -> (salt: String, values: [String: String])? {
        if reference.type == .secret {
            guard let secret = secrets.first(where: { $0.name == reference.name }) else { return nil }
            return (secret.uid, secret.data.merging(secret.stringData) { $1 })
        }
        guard let map = configMaps.first(where: { $0.name == reference.name }) else { return nil }
        return ("", map.data.merging(map.binaryData) { first, _ in first })
    }
}
