import Glibc
import Linux
import Model

/// Scales an App up and down and deletes its pods, one after the other, by the commands that people use.
struct PodChurn {
    /// What was done.
    struct Changes: CustomStringConvertible {
        var scales = 0
        var deletions = 0
        var apps = 0
        var description: String {
            "scaled \(scales) times, deleted \(deletions) pods" + (apps > 0 ? ", made and deleted \(apps) Apps" : "")
        }
        /// Whether there was anything that a request could have failed of.
        var isEnough: Bool { scales >= 3 && deletions >= 3 }
    }

    private let martlet: String
    private let api: Connection
    /// The manifest of another App, which is made and deleted meanwhile.
    private let other: String?

    init(martlet: String, kubeconfig: String, scratch: String, other: String?) throws {
        self.martlet = martlet
        self.other = other
        api = try Connection(.martlet(kubeconfig: kubeconfig, scratch: scratch))
    }

    var changesApps: Bool { other != nil }

    func change(until isOver: () -> Bool) throws -> Changes {
        var changes = Changes()
        var replicas = 4
        while !isOver() {
            let next = Int.random(in: 3...8)
            if next != replicas {
                try martlet("scale", "bench", "--replicas", "\(next)")
                changes.scales += 1
                replicas = next
            }
            usleep(UInt32.random(in: 100_000...700_000))
            // With two more that serve nobody is left without a pod.
            let ready = try readyPods()
            if ready.count >= 3, let pod = ready.randomElement() {
                try martlet("delete", "pod", pod, "--ignore-not-found", "--wait=false")
                changes.deletions += 1
            }
            if let other {
                try martlet("apply", "-f", other)
                usleep(700_000)
                try martlet("delete", "-f", other, "--wait=false")
                changes.apps += 1
            }
            usleep(UInt32.random(in: 100_000...700_000))
        }
        return changes
    }

    private func martlet(_ words: String...) throws { try run([martlet] + words, isQuiet: true) }

    /// The App's pods that are ready and stay.
    private func readyPods() throws -> [String] {
        let list = try JSONValue(parsing: try api.answer("GET", "/api/v1/namespaces/default/pods"))
        return (list["items"]?.array ?? []).filter { pod in
            pod["metadata"]?["labels"]?["martlet.dev/app"]?.string == "bench"
                && pod["metadata"]?["deletionTimestamp"] == nil
                && (pod["status"]?["conditions"]?.array ?? []).contains {
                    $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
                }
        }.compactMap { $0["metadata"]?["name"]?.string }
    }
}
