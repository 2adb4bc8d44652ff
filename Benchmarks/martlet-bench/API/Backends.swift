/// A server that keeps small objects: what is the same for Martlet and etcd.
protocol Backend: Sendable {
    /// Where it is.
    var endpoint: Endpoint { get }
    /// Makes an object, or sets it anew.
    func write(_ connection: Connection, _ name: String, _ document: [UInt8]) throws
    /// Reads an object; the answer is thrown away.
    func read(_ connection: Connection, _ name: String) throws
    /// Hands over what arrives on a watch of all objects whose names begin with `bench-`.
    func watch(_ connection: Connection, _ handler: @escaping (UnsafeRawBufferPointer) -> Bool) throws
    /// Makes sure that an object is there.
    func create(_ connection: Connection, _ name: String, _ document: [UInt8]) throws
}

/// ConfigMaps in the namespace `default` of a Martlet.
struct MartletBackend: Backend {
    let endpoint: Endpoint
    private static let path = "/api/v1/namespaces/default/configmaps"

    func create(_ connection: Connection, _ name: String, _ document: [UInt8]) throws {
        // It is there already when an earlier run made it.
        if (try? read(connection, name)) == nil { try connection.perform("POST", Self.path, document) }
    }

    func write(_ connection: Connection, _ name: String, _ document: [UInt8]) throws {
        try connection.perform("PUT", "\(Self.path)/\(name)", document)
    }

    func read(_ connection: Connection, _ name: String) throws {
        try connection.perform("GET", "\(Self.path)/\(name)", nil)
    }

    func watch(_ connection: Connection, _ handler: @escaping (UnsafeRawBufferPointer) -> Bool) throws {
        try connection.stream("GET", "\(Self.path)?watch=true&fieldSelector=metadata.name%3Dbench-watch", nil, handler)
    }
}

/// Keys of an etcd, by gRPC.
struct EtcdBackend: Backend {
    let endpoint: Endpoint

    func create(_ connection: Connection, _ name: String, _ document: [UInt8]) throws {
        try write(connection, name, document)
    }

    func write(_ connection: Connection, _ name: String, _ document: [UInt8]) throws {
        try connection.perform("POST", EtcdMessages.putPath, EtcdMessages.put(key: name, value: document))
    }

    func read(_ connection: Connection, _ name: String) throws {
        try connection.perform("POST", EtcdMessages.rangePath, EtcdMessages.range(key: name))
    }

    func watch(_ connection: Connection, _ handler: @escaping (UnsafeRawBufferPointer) -> Bool) throws {
        try connection.stream(
            "POST", EtcdMessages.watchPath, EtcdMessages.watch(from: "bench-watch", to: "bench-watci"), handler)
    }
}
