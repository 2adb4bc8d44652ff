internal import Glibc
import Model
internal import YAML

/// The one client configuration: files as kubectl reads and writes them (`kubeconfig`, `apiVersion: v1`,
/// `kind: Config`).
public enum Kubeconfig {
    /// Where the machine that runs the control plane keeps the administrator's kubeconfig.
    public static let administratorPath = "/var/lib/martlet/admin.kubeconfig"

    /// Finds and reads the configuration to use: the file of `--kubeconfig`, else those of `$KUBECONFIG`, merged, else
    /// the first that exists of the administrator's and `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - path: the value of `--kubeconfig`.
    ///   - context: the value of `--context`.
    /// - Throws: `ClientError.configuration` that names the file and the fix.
    public static func discover(path: String? = nil, context: String? = nil) throws(ClientError) -> ClientConfig {
        if let path { return try load(path: path, context: context) }
        if let list = variable("KUBECONFIG"), !list.isEmpty {
            let paths = list.split(separator: ":").map(String.init)
            return try load(paths: paths.filter { access($0, F_OK) == 0 }, named: "$KUBECONFIG=\(list)", context)
        }
        let candidates = [administratorPath] + (variable("HOME").map { ["\($0)/.kube/config"] } ?? [])
        // A file that only root may read is passed over if there is another one.
        if let found = candidates.first(where: { access($0, R_OK) == 0 }) {
            return try load(path: found, context: context)
        }
        if let forbidden = candidates.first(where: { access($0, F_OK) == 0 }) {
            throw .configuration(
                "cannot read \(forbidden): permission denied; run as root, or copy it and set KUBECONFIG")
        }
        throw .configuration(
            "there is no kubeconfig: start a control plane with `martlet up`, or name one with --kubeconfig")
    }

    /// Reads one file.
    ///
    /// - Parameter context: the context to use. By default the current one, else the one named `martlet`, else the
    ///   only one.
    public static func load(path: String, context: String? = nil) throws(ClientError) -> ClientConfig {
        try load(paths: [path], named: path, context)
    }

    private static func load(
        paths: [String], named name: String, _ context: String?
    ) throws(ClientError) -> ClientConfig {
        guard !paths.isEmpty else { throw .configuration("none of the files of \(name) exists") }
        var merged = KubeconfigEntries(origin: name)
        for path in paths {
            let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            try merged.merge(text: readText(path), path: path, folder: folder)
        }
        return try merged.config(context: context)
    }

    /// Reads a text as if it were a file of a folder; files that it names are found from there.
    public static func parse(
        _ text: String, folder: String = "/", context: String? = nil
    ) throws(ClientError) -> ClientConfig {
        var entries = KubeconfigEntries(origin: "the kubeconfig")
        try entries.merge(text: text, path: "the kubeconfig", folder: folder)
        return try entries.config(context: context)
    }

    /// Writes a file with one cluster, one user and one context that puts them together, all of one name.
    public static func render(_ config: ClientConfig, name: String = "martlet") -> String {
        func quoted(_ text: String) -> String { JSONValue.string(text).text() }
        func data(_ pem: String) -> String { Base64.encode(Array(pem.utf8)) }
        var lines = ["apiVersion: v1", "kind: Config", "clusters:", "- name: \(quoted(name))", "  cluster:"]
        lines.append("    server: \(quoted(config.server))")
        if let pem = config.certificateAuthority { lines.append("    certificate-authority-data: \(data(pem))") }
        lines += ["users:", "- name: \(quoted(name))"]
        let credentials: [(key: String, value: String?)] = [
            ("client-certificate-data", config.clientCertificate.map(data)),
            ("client-key-data", config.clientKey.map(data)), ("token", config.token.map(quoted)),
        ]
        let given = credentials.compactMap { key, value in value.map { "    \(key): \($0)" } }
        lines += given.isEmpty ? ["  user: {}"] : ["  user:"] + given
        lines += [
            "contexts:", "- name: \(quoted(name))", "  context:", "    cluster: \(quoted(name))",
            "    user: \(quoted(name))", "    namespace: \(quoted(config.namespace))",
            "current-context: \(quoted(name))", "preferences: {}",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Reads a small text file.
    static func readText(_ path: String) throws(ClientError) -> String {
        func failure() -> ClientError {
            .configuration("cannot read \(path): \(String(cString: strerror(errno)).lowercased())")
        }
        let limit = 4 << 20
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
        throw .configuration("cannot read \(path): it is longer than \(limit) bytes")
    }
}
