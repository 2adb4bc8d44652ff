import ContainerRuntime
import Linux
import Model
import Testing

@testable import Agent

/// An executor whose parts note their calls in one journal.
private struct Harness {
    let journal = Journal<String>()
    let runtime: FakeRuntime
    let images: FakeImages
    let network: FakeNetwork
    let connection: FakeConnection
    let executor: PodExecutor

    init(_ folder: String) {
        let paths = AgentPaths(data: "\(folder)/data", run: "\(folder)/run")
        (runtime, images) = (FakeRuntime(journal), FakeImages(journal))
        (network, connection) = (FakeNetwork(journal), FakeConnection(journal))
        executor = PodExecutor(
            runtime: runtime, images: images, network: network, connection: connection,
            volumes: VolumeManager(paths: paths, resolverConfiguration: { _ in "" }), copies: PodCopies(paths: paths),
            paths: paths)
    }

    /// A record that is ready to start its container.
    func prepared(_ pod: Pod = .sample()) throws -> PodRecord {
        var record = PodRecord(pod: pod)
        record.images["web"] = .done(ImageID("rootfs:/x"))
        record.volumes = .done(PodSettings())
        record.network = .done("10.0.0.2")
        _ = try runtime.createSandbox(SandboxConfig(podUID: pod.uid, hostname: pod.name))
        record.sandbox = try runtime.observe(podUID: pod.uid)
        return record
    }

    /// The calls that an action makes, and how it ended.
    func perform(_ action: PodAction, _ record: PodRecord) -> (calls: [String], result: String) {
        let before = journal.entries.count
        let (result, _) = executor.perform(action, for: record)
        return (Array(journal.entries.dropFirst(before)), describe(result))
    }

    private func describe(_ result: PodActionResult) -> String {
        switch result {
        case .done: "done"
        case .image(let id): "image \(id)"
        case .settings: "settings"
        case .address(let address): "address \(address)"
        case .failure(let reason, let message): "\(reason): \(message)"
        }
    }
}

private let calls: [(PodAction, [String], String)] = [
    (.observe, [], "done"),
    (
        .resolveImage(container: "web", reference: "rootfs:/x"), ["resolve rootfs:/x", "unpack rootfs:/x"],
        "image rootfs:/x"
    ),
    (.createSandbox, ["createSandbox web-1"], "done"),
    (.attachNetwork, ["attach u1 /proc/7/ns/net"], "address 10.0.0.2"),
    (.startContainer(name: "web", attempt: 2), ["startContainer web 2"], "done"),
    (.signal(name: "web", attempt: 2, signal: 15), ["signalContainer web 2 15"], "done"),
    (.removeContainer(name: "web", attempt: 2), ["removeContainer web 2"], "done"),
    (.resetSandbox, ["detach u1", "removeSandbox u1"], "done"),
    (.teardown, ["removeSandbox u1", "detach u1"], "done"),
    (.release, ["release u1"], "done"),
]

@Test(arguments: calls)
func `each action makes its calls in order`(action: PodAction, calls: [String], result: String) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let (made, ended) = harness.perform(action, try harness.prepared())
        #expect(made == calls)
        #expect(ended == result)
    }
}

private let runtimeFailures: [(String, PodAction, RuntimeError.Code, String)] = [
    ("createSandbox", .createSandbox, .system, "SandboxFailed: broken"),
    ("createSandbox", .createSandbox, .full, "NodeDiskFull: broken"),
    ("startContainer", .startContainer(name: "web", attempt: 0), .startFailed, "CreateContainerError: broken"),
    ("signalContainer", .signal(name: "web", attempt: 0, signal: 9), .supervisorLost, "RuntimeFailed: broken"),
    ("removeContainer", .removeContainer(name: "web", attempt: 0), .system, "RuntimeFailed: broken"),
    ("removeSandbox", .resetSandbox, .system, "SandboxFailed: broken"),
    ("removeSandbox", .teardown, .system, "TeardownFailed: broken"),
    ("observe", .observe, .system, "RuntimeFailed: broken"),
]

@Test(arguments: runtimeFailures)
func `a failure of the runtime has the reason of its action`(
    call: String, action: PodAction, code: RuntimeError.Code, expected: String
) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let record = try harness.prepared()
        harness.runtime.fail(call, RuntimeError(code, "broken"))
        #expect(harness.perform(action, record).result == expected)
    }
}

@Test(arguments: [(RuntimeError.Code.badImage, "ImageUnavailable: broken"), (.full, "NodeDiskFull: broken")])
func `a failure of an image says what it is`(code: RuntimeError.Code, expected: String) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        harness.images.fail(RuntimeError(code, "broken"))
        let action = PodAction.resolveImage(container: "web", reference: "rootfs:/x")
        let (calls, result) = harness.perform(action, PodRecord(pod: .sample()))
        #expect(calls == ["resolve rootfs:/x"])
        #expect(result == expected)
    }
}

@Test(arguments: [(PodAction.attachNetwork, "NetworkFailed: broken"), (.teardown, "TeardownFailed: broken")])
func `a failure of the network has the reason of its action`(action: PodAction, expected: String) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let record = try harness.prepared()
        harness.network.fail("broken")
        #expect(harness.perform(action, record).result == expected)
    }
}

@Test func `a pod without its sandbox gets no address`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let (calls, result) = harness.perform(.attachNetwork, PodRecord(pod: .sample()))
        #expect(calls == [])
        #expect(result == "NetworkFailed: the sandbox is gone")
    }
}

@Test func `a pod on the node's network has the node's address`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let record = try harness.prepared(.sample { $0.spec.hostNetwork = true })
        let (calls, result) = harness.perform(.attachNetwork, record)
        #expect(calls == [])
        #expect(result == "address 192.0.2.1")
    }
}

private func reading(_ kind: WritableKeyPath<EnvVarSource, KeySelector?>, optional: Bool?) -> Pod {
    .sample {
        $0.spec.containers[0].env = [
            EnvVar {
                $0.name = "X"
                var source = EnvVarSource()
                source[keyPath: kind] = KeySelector { ($0.name, $0.key, $0.optional) = ("site", "title", optional) }
                $0.valueFrom = source
            }
        ]
    }
}

@Test func `a missing key keeps a container from starting`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let record = try harness.prepared(reading(\.configMapKeyRef, optional: nil))
        let (calls, result) = harness.perform(.startContainer(name: "web", attempt: 0), record)
        #expect(calls == [])
        #expect(result == "CreateContainerConfigError: env X: ConfigMap site has no key title")
    }
}

private let settingsFailures: [(Bool, ConnectionError, String)] = [
    (false, .notFound("gone"), "ConfigUnavailable: gone"), (true, .notFound("gone"), "settings"),
    (true, .unreachable("down"), "ConfigUnavailable: down"),
]

@Test(arguments: settingsFailures)
func `only an optional setting may be missing`(
    isOptional: Bool, error: ConnectionError, expected: String
) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        harness.connection.fail("secret", error)
        let pod = reading(\.secretKeyRef, optional: isOptional)
        let (calls, result) = harness.perform(.prepareVolumes, PodRecord(pod: pod))
        #expect(calls == ["secret shop/site"])
        #expect(result == expected)
    }
}

@Test func `the copy of a pod is there before its settings are read, and goes last`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let pod = reading(\.secretKeyRef, optional: false)
        let record = try harness.prepared(pod)
        #expect(harness.perform(.prepareVolumes, record).result == "ConfigUnavailable: secret site not found")
        #expect(harness.executor.copies.load().map(\.uid) == ["u1"])
        harness.network.fail("broken")
        _ = harness.perform(.teardown, record)
        #expect(harness.executor.copies.load().map(\.uid) == ["u1"])
        harness.network.fail(nil)
        for _ in 1...2 { #expect(harness.perform(.teardown, record).result == "done") }
        #expect(harness.executor.copies.load().isEmpty)
        #expect(harness.executor.volumes.podsWithRemains().isEmpty)
    }
}

private let releases: [(ConnectionError, String)] = [
    (.notFound("gone"), "done"), (.unreachable("down"), "TeardownFailed: down"),
    (.refused("no"), "TeardownFailed: no"),
]

@Test(arguments: releases)
func `an object that is gone counts as released`(error: ConnectionError, expected: String) throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        harness.connection.fail("release", error)
        #expect(harness.perform(.release, PodRecord(pod: .sample())).result == expected)
    }
}

@Test func `a container starts as its spec says`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let record = try harness.prepared(
            .sample {
                $0.spec.containers[0].command = ["/bin/server"]
                $0.spec.containers[0].env = [EnvVar { ($0.name, $0.value) = ("A", "1") }]
                $0.spec.containers[0].workingDir = "/srv"
            })
        _ = harness.perform(.startContainer(name: "web", attempt: 3), record)
        let config = try #require(harness.runtime.configs.first)
        #expect(config.command == ["/bin/server"])
        #expect(config.environment.map { "\($0.name)=\($0.value)" } == ["A=1"])
        #expect(config.workingDirectory == "/srv")
        #expect(config.logPath == "\(folder)/data/logs/u1/web/3.log")
        #expect(config.mounts.map(\.destination) == ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"])
    }
}

@Test func `a container that is not prepared is not started`() throws {
    try withTemporaryFolder { folder in
        let harness = Harness(folder)
        let (calls, result) = harness.perform(.startContainer(name: "web", attempt: 0), PodRecord(pod: .sample()))
        #expect(calls == [])
        #expect(result == "CreateContainerError: container web is not prepared")
    }
}
