import ContainerRuntime
import Glibc
import Linux
import Model
import Testing

@testable import Agent

private let mayMount = Comment(rawValue: "mounting volumes on memory needs root")

/// Runs a test with a volume manager on a folder of its own; volumes that are left are taken away.
private func withVolumes(_ body: (VolumeManager, String) throws -> Void) throws {
    try withTemporaryFolder { folder in
        let paths = AgentPaths(data: "\(folder)/data", run: "\(folder)/run")
        let volumes = VolumeManager(paths: paths, resolverConfiguration: { "search \($0)\n" })
        defer { try? volumes.remove(podUID: "u1") }
        try body(volumes, folder)
    }
}

private func pod(_ volumes: Volume..., mounts: [VolumeMount] = []) -> Pod {
    .sample {
        $0.spec.volumes = volumes
        $0.spec.containers[0].volumeMounts = mounts
    }
}

private func mount(_ name: String, subPath: String? = nil, readOnly: Bool? = nil) -> VolumeMount {
    VolumeMount { ($0.name, $0.mountPath, $0.subPath, $0.readOnly) = (name, "/mnt", subPath, readOnly) }
}

private func emptyDir(_ medium: String? = nil, limit: Quantity? = nil) -> Volume {
    Volume {
        $0.name = "cache"
        $0.emptyDir = EmptyDirSource { ($0.medium, $0.sizeLimit) = (medium, limit) }
    }
}

private func secret(_ items: [(String, String)] = [], mode: Int? = nil, optional: Bool? = nil) -> Volume {
    Volume {
        $0.name = "keys"
        $0.secret = ProjectionSource {
            $0.name = "tls"
            $0.items = items.map { item in ProjectionItem { ($0.key, $0.path) = item } }
            ($0.mode, $0.optional) = (mode, optional)
        }
    }
}

private func settings(_ data: [String: String]) -> PodSettings {
    var settings = PodSettings()
    settings.secrets["tls"] = data.mapValues { Array($0.utf8) }
    return settings
}

private func hostPath(_ path: String, _ type: String?) -> Volume {
    Volume {
        $0.name = "host"
        $0.hostPath = HostPathSource { ($0.path, $0.type) = (path, type) }
    }
}

private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

private func source(_ volumes: VolumeManager, _ pod: Pod) throws -> ContainerMount {
    try #require(volumes.mounts(for: pod.spec.containers[0], of: pod).last)
}

@Test func `an empty directory on disk is open to every user and keeps its content`() throws {
    try withVolumes { volumes, folder in
        let pod = pod(emptyDir(), mounts: [mount("cache")])
        try volumes.prepare(pod, settings: PodSettings())
        let path = "\(folder)/data/volumes/u1/cache"
        #expect(mode(path) == 0o777)
        try writeDurably("\(path)/file", text: "kept")
        try volumes.prepare(pod, settings: PodSettings())
        #expect(try readText("\(path)/file") == "kept")
        #expect(try source(volumes, pod) == ContainerMount(source: .bind(path), destination: "/mnt"))
    }
}

@Test(.enabled(if: geteuid() == 0, mayMount))
func `an empty directory on memory holds as much as its limit and is mounted once`() throws {
    try withVolumes { volumes, folder in
        let pod = pod(emptyDir("Memory", limit: .bytes(1 << 20)), mounts: [mount("cache")])
        let path = "\(folder)/run/volumes/u1/cache"
        for _ in 1...2 { try volumes.prepare(pod, settings: PodSettings()) }
        #expect(mode(path) == 0o1777)
        let mounts = try readText("/proc/self/mounts", limit: 4 << 20).split(separator: "\n")
        #expect(mounts.count { $0.contains(path) } == 1)
        let error = #expect(throws: LinuxError.self) {
            try writeDurably("\(path)/file", [UInt8](repeating: 1, count: 2 << 20))
        }
        #expect(error?.errno == ENOSPC)
        #expect(try source(volumes, pod).source == .bind(path))
    }
}

@Test(.enabled(if: geteuid() == 0, mayMount))
func `removing takes every volume and mount away, twice too`() throws {
    try withVolumes { volumes, folder in
        let pod = pod(emptyDir("Memory"), secret())
        try volumes.prepare(pod, settings: settings(["a": "1"]))
        try volumes.writeNames(pod, address: "10.0.0.2")
        #expect(volumes.podsWithRemains() == ["u1"])
        for _ in 1...2 { try volumes.remove(podUID: "u1") }
        #expect(volumes.podsWithRemains() == [])
        let mounts = try readText("/proc/self/mounts", limit: 4 << 20)
        #expect(!mounts.contains(folder))
    }
}

private let projections: [([(String, String)], [String])] = [
    ([], ["a=1", "a.new=2"]), ([("a", "deep/er/x")], ["deep/er/x=1"]),
    ([("a.new", "a.new"), ("a", "a")], ["a=1", "a.new=2"]),
    ([("a", "/rooted"), ("none", "b")], ["rooted=1"]),
]

@Test(.enabled(if: geteuid() == 0, mayMount), arguments: projections)
func `keys become files`(items: [(String, String)], files: [String]) throws {
    try withVolumes { volumes, folder in
        let pod = pod(secret(items, mode: 0o440, optional: true), mounts: [mount("keys")])
        for _ in 1...2 { try volumes.prepare(pod, settings: settings(["a": "1", "a.new": "2"])) }
        let root = "\(folder)/run/volumes/u1/keys"
        for file in files {
            let parts = file.split(separator: "=").map(String.init)
            #expect(try readText("\(root)/\(parts[0])") == parts[1])
            #expect(mode("\(root)/\(parts[0])") == 0o440)
        }
        #expect(try listDirectory(root).count == Set(files.map { $0.prefix { $0 != "/" && $0 != "=" } }).count)
        #expect(try source(volumes, pod).readOnly)
    }
}

private let refusedItems: [(String, String)] = [
    ("none", "x"), ("a", ".."), ("a", "../x"), ("a", "x/../../y"), ("a", ""), ("a", "/"), ("a", "."),
]

@Test(.enabled(if: geteuid() == 0, mayMount), arguments: refusedItems)
func `a missing key or a path out of the volume is refused`(key: String, path: String) throws {
    try withVolumes { volumes, folder in
        let error = #expect(throws: VolumeManager.Failure.self) {
            try volumes.prepare(pod(secret([(key, path)])), settings: settings(["a": "1"]))
        }
        #expect(error?.reason == "VolumeFailed")
        #expect(error?.message.hasPrefix("volume keys: ") == true)
        let files = try listDirectory("\(folder)/run/volumes/u1/keys")
        #expect(files.isEmpty)
    }
}

@Test func `a path below a volume is made, and is the same the next time`() throws {
    try withVolumes { volumes, folder in
        let pod = pod(emptyDir(), mounts: [mount("cache", subPath: "a//b", readOnly: true)])
        try volumes.prepare(pod, settings: PodSettings())
        let path = "\(folder)/data/volumes/u1/cache"
        for _ in 1...2 {
            let expected = ContainerMount(source: .bind(path), subPath: "a/b", destination: "/mnt", readOnly: true)
            #expect(try source(volumes, pod) == expected)
        }
        #expect(fileExists("\(path)/a/b"))
    }
}

@Test(arguments: ["..", "a/../b", "./a", "link", "link/a", "file/a"])
func `CVE-2017-1002101, CVE-2021-25741, CVE-2025-9566: a path that leads out of a volume is refused`(subPath: String)
    throws
{
    try withVolumes { volumes, folder in
        let pod = pod(emptyDir(), mounts: [mount("cache", subPath: subPath)])
        try volumes.prepare(pod, settings: PodSettings())
        let root = "\(folder)/data/volumes/u1/cache"
        try #require(symlink("/etc", "\(root)/link") == 0)
        try writeDurably("\(root)/file", text: "")
        let error = #expect(throws: VolumeManager.Failure.self) { try source(volumes, pod) }
        #expect(error?.message.hasPrefix("volume cache: subPath \(subPath)") == true)
    }
}

@Test(.enabled(if: geteuid() == 0, mayMount), arguments: [true, false])
func `keys belong to the pod's users where the kernel cannot show it so`(mapsMemory: Bool) throws {
    try withVolumes { volumes, folder in
        var volumes = volumes
        volumes.mapsMemory = mapsMemory
        let pod = pod(secret([("a", "deep/b")], mode: 0o400), mounts: [mount("keys")])
        try volumes.prepare(pod, settings: settings(["a": "x"]))
        let range = UserRange(first: 1 << 20)
        for _ in 1...2 {
            let mounts = try volumes.mounts(for: pod.spec.containers[0], of: pod, rootID: range.first)
            #expect(mounts.last?.keepsOwners == !mapsMemory)
        }
        for name in ["", "/deep", "/deep/b"] {
            var status = stat()
            #expect(lstat("\(folder)/run/volumes/u1/keys\(name)", &status) == 0)
            #expect(status.st_uid == (mapsMemory ? 0 : range.first), "\(name)")
        }
    }
}

@Test func `a mount of a volume that the pod does not have is refused`() throws {
    try withVolumes { volumes, _ in
        #expect(throws: VolumeManager.Failure.self) { try source(volumes, pod(mounts: [mount("none")])) }
    }
}

private let hostPaths: [(String?, String, Bool)] = [
    (nil, "folder", true), (nil, "file", true), (nil, "none", false),
    ("Directory", "folder", true), ("Directory", "file", false), ("Directory", "none", false),
    ("DirectoryOrCreate", "folder", true), ("DirectoryOrCreate", "new/er", true), ("DirectoryOrCreate", "file", false),
    ("File", "file", true), ("File", "folder", false), ("File", "none", false),
    ("FileOrCreate", "file", true), ("FileOrCreate", "new", true), ("FileOrCreate", "folder", false),
    ("Socket", "socket", true), ("Socket", "file", false), ("Socket", "none", false),
]

@Test(arguments: hostPaths)
func `a path of the node is what its type says`(type: String?, name: String, isRight: Bool) throws {
    try withVolumes { volumes, folder in
        try makeDirectories("\(folder)/folder")
        try writeDurably("\(folder)/file", text: "kept")
        try #require(mknod("\(folder)/socket", S_IFSOCK | 0o600, 0) == 0)
        let pod = pod(hostPath("\(folder)/\(name)", type), mounts: [mount("host")])
        if isRight {
            for _ in 1...2 { try volumes.prepare(pod, settings: PodSettings()) }
            #expect(try source(volumes, pod).source == .bind("\(folder)/\(name)"))
        } else {
            let error = #expect(throws: VolumeManager.Failure.self) {
                try volumes.prepare(pod, settings: PodSettings())
            }
            #expect(error?.message.contains("\(folder)/\(name)") == true)
        }
        #expect(try readText("\(folder)/file") == "kept")
        try volumes.remove(podUID: "u1")
        #expect(fileExists("\(folder)/folder"))
    }
}

@Test(arguments: [(nil, "web-1"), ("shop", "shop")] as [(String?, String)])
func `the files of etc hold the pod's name and address`(hostname: String?, name: String) throws {
    try withVolumes { volumes, folder in
        let pod = Pod.sample { $0.spec.hostname = hostname }
        for address in ["10.0.0.2", "10.0.0.3"] {
            try volumes.writeNames(pod, address: address)
            let etc = "\(folder)/data/volumes/u1/.etc"
            #expect(try readText("\(etc)/hostname") == "\(name)\n")
            #expect(try readText("\(etc)/resolv.conf") == "search shop\n")
            let hosts = try readText("\(etc)/hosts").split(separator: "\n").map(String.init)
            #expect(hosts.first == "127.0.0.1\tlocalhost")
            #expect(hosts.last == "\(address)\t\(name)")
            let names = try listDirectory(etc).sorted()
            #expect(names == ["hostname", "hosts", "resolv.conf"])
        }
    }
}
