import Client
import Glibc

extension Invocation {
    /// Connects to the API by the options of the command and the kubeconfig files there are.
    func connect() throws -> ClusterAPI {
        var path = value("kubeconfig")
        // A data directory that was chosen for `up` has its own administrator's file.
        if path == nil, context.environment["KUBECONFIG"]?.isEmpty ?? true,
            let data = context.environment["MARTLET_DATA_DIR"]
        {
            let candidate = "\(data)/admin.kubeconfig"
            if access(candidate, R_OK) == 0 { path = candidate }
        }
        let config = try Kubeconfig.discover(path: path, context: value("context"))
        return ClusterAPI(client: try CurlClient(config), namespace: value("namespace") ?? config.namespace)
    }
}
