import Linux
import Model

/// Copies of desired pods on disk, by which a restarted agent knows its pods before it has reached a server. They hold what the
/// pod's object holds: names of Secrets, never their values.
struct PodCopies: PodCopyStore {
    let paths: AgentPaths

    /// Writes a pod's copy, durably.
    func save(_ pod: Pod) throws(LinuxError) {
        try makeDirectories(paths.podCopies, mode: 0o700)
        var copy = pod
        copy.metadata.managedFields = []
        try writeDurably(paths.podCopy(pod.uid), copy.document.serialized(), mode: 0o600)
    }

    /// Removes a pod's copy.
    func remove(_ uid: String) throws(LinuxError) { try removeTree(paths.podCopy(uid)) }

    /// Every pod that has a copy; one that cannot be read is left out, as its pod's remains are found otherwise. What a crash
    /// has left of a copy that was being written is removed, so this comes before the first `save`.
    func load() -> [Pod] {
        let names = ((try? listDirectory(paths.podCopies)) ?? []).sorted()
        for name in names where name.hasSuffix(".tmp") { try? removeTree("\(paths.podCopies)/\(name)") }
        return names.filter { $0.hasSuffix(".json") }.compactMap { name in
            guard let bytes = try? readFile("\(paths.podCopies)/\(name)", limit: 4 << 20),
                let document = try? JSONValue(parsing: bytes)
            else { return nil }
            guard let pod = try? Pod(json: document), !pod.uid.isEmpty, name == "\(pod.uid).json" else { return nil }
            return pod
        }
    }
}
