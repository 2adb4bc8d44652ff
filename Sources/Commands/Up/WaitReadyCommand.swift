import Client
import Linux
import Model

/// `martlet wait-ready`: waits until a `martlet up` serves.
enum WaitReadyCommand {
    static let command = Command(
        path: ["wait-ready"], summary: "Wait until a starting `martlet up` serves",
        options: [.dataDirectory, .init("timeout", .value("DURATION"), "How long to wait", default: "30s")],
        examples: [
            "martlet wait-ready --timeout 10s"
        ],
        run: { call in
            let installation = try Installation(call)
            let timeout = try call.timeout(.seconds(30))
            var last = "there is no \(installation.adminKubeconfig) yet"
            let isReady = try Poll(call.context.clock, limit: timeout).until { () -> Bool? in
                guard fileExists(installation.adminKubeconfig) else { return nil }
                do {
                    let config = try Kubeconfig.load(path: installation.adminKubeconfig)
                    let answer = try CurlClient(config).send("GET", "/readyz", headers: [], body: nil)
                    let nodes = try ClusterAPI(client: CurlClient(config), namespace: "default").list(
                        Node.self, namespace: nil)
                    return answer.status == 200 && !nodes.isEmpty ? true : nil
                } catch {
                    last = "\(error)"
                    return nil
                }
            }
            guard isReady == true else { throw CommandFailure(message: "not ready after \(timeout): \(last)") }
            return 0
        })
}
