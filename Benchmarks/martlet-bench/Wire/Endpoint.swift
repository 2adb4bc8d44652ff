import Client

/// Where requests go, and by what credentials.
struct Endpoint: Sendable {
    /// How requests are framed.
    enum Version: Sendable {
        case http1
        /// HTTP/2 from the first byte, as gRPC has it.
        case http2
    }

    /// Scheme, host and port, or `http://docker` with a socket.
    var url: String
    /// A Unix socket instead of a network connection.
    var socket: String?
    /// The authority's certificate, as a file.
    var authority: String?
    /// The client's certificate and key, as files.
    var certificate: String?
    var key: String?
    var version = Version.http1
    /// Header lines of every request.
    var headers: [String] = []

    /// The server that a kubeconfig names; its credentials are put into files for libcurl.
    static func martlet(kubeconfig: String, scratch: String) throws -> Endpoint {
        let config = try Kubeconfig.load(path: kubeconfig)
        func file(_ name: String, _ text: String?) throws -> String? {
            guard let text else { return nil }
            let path = "\(scratch)/\(name)"
            try writeFileOnce(path, text)
            return path
        }
        return Endpoint(
            url: config.server, authority: try file("martlet-ca.pem", config.certificateAuthority),
            certificate: try file("martlet-client.pem", config.clientCertificate),
            key: try file("martlet-client.key", config.clientKey),
            headers: ["Content-Type: application/json", "Expect:"])
    }

    /// An etcd, by its own protocol: gRPC. One file is authority, certificate and key.
    static func etcd(url: String, pem: String) -> Endpoint {
        Endpoint(
            url: url, authority: pem, certificate: pem, key: pem, version: .http2,
            headers: ["Content-Type: application/grpc", "TE: trailers", "Expect:"])
    }

    /// A Docker daemon, by its Unix socket.
    static func docker(socket: String) -> Endpoint {
        Endpoint(url: "http://docker", socket: socket, headers: ["Content-Type: application/json", "Expect:"])
    }
}
