import Client
import Glibc

extension Invocation {
    /// Connects to the API by the options of the command.
    func connect() throws -> ClusterAPI {
        let client = try context.client(self)
        return ClusterAPI(client: client, namespace: value("namespace") ?? client.config.namespace)
    }

    /// A client by the options of the command and the kubeconfig files there are.
    func discoveredClient() throws -> any APIClient {
        var path = value("kubeconfig")
        // A data directory that was chosen for `up` has its own administrator's file.
        if path == nil, context.environment["KUBECONFIG"]?.isEmpty ?? true,
            let data = context.environment["MARTLET_DATA_DIR"]
        {
            let candidate = "\(data)/admin.kubeconfig"
            if access(candidate, R_OK) == 0 { path = candidate }
        }
        return try CurlClient(Kubeconfig.discover(path: path, context: value("context")))
    }
}
