import Model
internal import YAML

/// The named entries of one or more kubeconfig files; of two with the same name the first counts, as for kubectl.
struct KubeconfigEntries {
    struct Entry {
        var node: YAMLNode
        /// From where the entry's relative paths count.
        var folder: String
    }

    private let origin: String
    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var contextNames: [String] = []
    private var current: String?

    init(origin: String) { self.origin = origin }

    mutating func merge(text: String, path: String, folder: String) throws(ClientError) {
        let stream = YAML.read(text)
        if let error = stream.errors.first { throw .configuration("cannot read \(path): line \(error)") }
        guard let document = stream.documents.first else { return }
        guard document["kind"]?.scalar?.text == "Config" else {
            throw .configuration("\(path) is not a kubeconfig: it does not say \"kind: Config\"")
        }
        KubeconfigEntries.collect(document["clusters"], "cluster", folder, into: &clusters)
        KubeconfigEntries.collect(document["users"], "user", folder, into: &users)
        contextNames += KubeconfigEntries.collect(document["contexts"], "context", folder, into: &contexts)
        if current == nil, let name = document["current-context"]?.scalar?.text, !name.isEmpty { current = name }
    }

    /// Adds the entries of a list; returns the new names in order.
    @discardableResult
    private static func collect(
        _ list: YAMLNode?, _ kind: String, _ folder: String, into entries: inout [String: Entry]
    ) -> [String] {
        var names: [String] = []
        for element in list?.elements ?? [] {
            guard let name = element["name"]?.scalar?.text, let node = element[kind], entries[name] == nil else {
                continue
            }
            entries[name] = Entry(node: node, folder: folder)
            names.append(name)
        }
        return names
    }

    func config(context wanted: String?) throws(ClientError) -> ClientConfig {
        let name = try contextName(wanted)
        guard let context = contexts[name] else { throw missing("context", name, contextNames) }
        let clusterName = context.text("cluster") ?? ""
        guard let cluster = clusters[clusterName] else { throw missing("cluster", clusterName, clusters.keys.sorted()) }
        guard let server = cluster.text("server") else {
            throw .configuration("the cluster \"\(clusterName)\" of \(origin) has no server")
        }
        var config = ClientConfig(server: server, namespace: context.text("namespace") ?? "default")
        config.certificateAuthority = try cluster.content("certificate-authority", origin)
        guard let userName = context.text("user") else { return config }
        guard let user = users[userName] else { throw missing("user", userName, users.keys.sorted()) }
        config.clientCertificate = try user.content("client-certificate", origin)
        config.clientKey = try user.content("client-key", origin)
        config.token = try user.token()
        return config
    }

    private func contextName(_ wanted: String?) throws(ClientError) -> String {
        if let name = wanted ?? current { return name }
        if contexts["martlet"] != nil { return "martlet" }
        if contextNames.count == 1 { return contextNames[0] }
        throw .configuration(
            contextNames.isEmpty
                ? "\(origin) has no context"
                : "\(origin) has several contexts and none is current; choose one with --context: "
                    + contextNames.joined(separator: ", "))
    }

    private func missing(_ kind: String, _ name: String, _ known: [String]) -> ClientError {
        let choice = known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))"
        return .configuration("\(origin) has no \(kind) \"\(name)\"; \(choice)")
    }
}

extension KubeconfigEntries.Entry {
    fileprivate func text(_ key: String) -> String? {
        node[key]?.scalar?.text.nonEmpty
    }

    /// A text that is in the file itself, in base64, or in another file.
    fileprivate func content(_ key: String, _ origin: String) throws(ClientError) -> String? {
        if let data = text("\(key)-data") {
            guard let bytes = Base64.decode(data) else {
                throw .configuration("\(key)-data of \(origin) is not base64")
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        guard let path = text(key) else { return nil }
        return try Kubeconfig.readText(resolved(path))
    }

    /// The bearer token; a file with one counts before the one in the kubeconfig, as for kubectl.
    fileprivate func token() throws(ClientError) -> String? {
        guard let path = text("tokenFile") else { return text("token") }
        let token = try Kubeconfig.readText(resolved(path))
        return token.split(whereSeparator: \.isWhitespace).first.map(String.init)
    }

    private func resolved(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
