import Glibc
import Model
import Store

// Writes to a store from several threads until it is killed, and says on a pipe what was acknowledged.
// usage: store-writer DATABASE FIFO THREADS FIRST

private func die(_ message: String) -> Never {
    let line = Array("store-writer: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(1)
}

private func submitForever(_ store: SQLiteStore, thread: Int, number: Int, report: Int32) {
    let name = "pod-\(thread)-\(number)"
    let document: JSONValue = ["metadata": ["name": .string(name), "uid": .string("uid-\(name)")]]
    let key = ObjectKey(.pod, namespace: "shop", name: name)
    store.submit(StoreTransaction(preconditions: [.absent(key)], writes: [.put(key, document)])) { result in
        guard case .success(let commit) = result else { die("\(name): \(result)") }
        let line = Array("\(name) \(commit.revision)\n".utf8)
        guard write(report, line, line.count) == line.count else { die("the reader has gone") }
        submitForever(store, thread: thread, number: number + 1, report: report)
    }
}

private let arguments = CommandLine.arguments
guard arguments.count == 5, let threads = Int(arguments[3]), let first = Int(arguments[4]) else { die("bad arguments") }
private let report = open(arguments[2], O_WRONLY | O_CLOEXEC)
guard report >= 0 else { die("cannot open \(arguments[2])") }
do {
    let store = try SQLiteStore(path: arguments[1])
    for thread in 0..<threads { submitForever(store, thread: thread, number: first, report: report) }
    while true { pause() }
} catch { die("\(error)") }
