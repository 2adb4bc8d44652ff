import Agent
import Glibc
import Linux
import Model
import Synchronization
import Testing
import Threads

/// Runs a test in a folder of its own under /tmp and removes the folder.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/martlet-test-agent-XXXXXX".utf8CString)
    let path = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? removeTree(path) }
    return try body(path)
}

/// Values noted from several threads, in order, and waited for.
final class Journal<Entry: Sendable>: Sendable {
    private let content = Monitor<[Entry]>([])

    /// What has been noted.
    var entries: [Entry] { content.change { $0 } }

    func note(_ entry: Entry) { content.change { $0.append(entry) } }

    /// Waits until an entry is there; nil when that takes so long that it will not come.
    func first(where isWanted: (Entry) -> Bool) -> Entry? {
        content.wait(atMost: .seconds(60)) { $0.first(where: isWanted) }
    }

    /// Waits until so many entries are there.
    func wait(count: Int) -> [Entry] {
        content.wait(atMost: .seconds(60)) { $0.count >= count ? $0 : nil } ?? entries
    }
}

extension Pod {
    /// A pod of one container, as the tests use it.
    static func sample(_ build: (inout Pod) -> Void = { _ in }) -> Pod {
        Pod { pod in
            (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid) = ("web-1", "shop", "u1")
            pod.spec.nodeName = "one"
            pod.spec.containers = [Container { ($0.name, $0.image) = ("web", "rootfs:/x") }]
            build(&pod)
        }
    }
}
