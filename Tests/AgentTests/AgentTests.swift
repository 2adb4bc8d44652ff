import ContainerRuntime
import Model
import Testing
import Threads

@testable import Agent

/// An agent on doubles. It can be ended and begun anew on the same folder and runtime.
private final class Machine {
    /// Raises a signal when its last owner has let go of it.
    private final class Token: Sendable {
        let released = Monitor(false)
        let isReleased: Monitor<Bool>
        init() { isReleased = released }
        deinit { isReleased.change { $0 = true } }
    }

    let runtime = FakeRuntime()
    let network = FakeNetwork()
    let log = Journal<String>()
    let paths: AgentPaths
    private(set) var connection = FakeConnection()
    private var agent: Agent?
    private var isReleased = Monitor(false)

    init(_ folder: String) { paths = AgentPaths(data: "\(folder)/data", run: "\(folder)/run") }

    /// Starts an agent with a new connection.
    func start() {
        connection = FakeConnection()
        let token = Token()
        isReleased = token.released
        let node = NodeDescription(name: "one", address: "192.0.2.1", podCIDR: "10.0.0.0/24", version: "1.0")
        let agent = Agent(
            AgentParts(
                node: node, runtime: runtime, images: FakeImages(), network: network, connection: connection,
                paths: paths, resolverConfiguration: { _ in "" }
            ) { [log] line in withExtendedLifetime(token) { log.note(line) } })
        agent.start()
        self.agent = agent
    }

    /// Stops the agent and waits until none of its threads holds it any more.
    func stop() {
        agent?.stop()
        agent = nil
        connection.feed.close()
        #expect(isReleased.wait(atMost: .seconds(60)) { $0 ? true : nil } == true, "a thread has not ended")
    }

    func feed(_ change: PodChange) { connection.feed.send(.change(change)) }

    /// Waits for a status of the sample pod in a phase.
    func status(_ phase: String) -> PodStatus? { connection.statuses.first { $0.status.phase == phase }?.status }
}

private func withMachine(_ body: (Machine) throws -> Void) throws {
    try withTemporaryFolder { folder in
        let machine = Machine(folder)
        machine.start()
        defer { machine.stop() }
        try body(machine)
    }
}

private let deleted = Pod.sample {
    $0.metadata.deletionTimestamp = Timestamp(seconds: 1)
    $0.metadata.deletionGracePeriodSeconds = 3600
}

@Test func `a pod comes up, is reported, and is released when it is deleted`() throws {
    try withMachine { machine in
        machine.feed(.all([.sample()]))
        let status = try #require(machine.status("Running"))
        #expect(status.podIP == "10.0.0.2")
        #expect(status.hostIP == "192.0.2.1")
        #expect(machine.connection.events.first { $0.reason == "Started" } != nil)
        #expect(PodCopies(paths: machine.paths).load().map(\.uid) == ["u1"])
        machine.feed(.changed(deleted))
        #expect(machine.connection.journal.first { $0 == "release u1" } != nil)
        #expect(
            machine.runtime.journal.entries == [
                "createSandbox web-1", "startContainer web 0", "signalContainer web 0 15", "removeSandbox u1",
            ])
        #expect(PodCopies(paths: machine.paths).load().isEmpty)
    }
}

@Test func `a pod whose object is gone is removed without a signal or a release`() throws {
    try withMachine { machine in
        machine.feed(.all([.sample()]))
        _ = try #require(machine.status("Running"))
        machine.feed(.removed(uid: "u1"))
        #expect(machine.network.journal.first { $0 == "detach u1" } != nil)
        #expect(machine.runtime.journal.entries.last == "removeSandbox u1")
        #expect(!machine.runtime.journal.entries.contains { $0.hasPrefix("signalContainer") })
        #expect(!machine.connection.journal.entries.contains("release u1"))
    }
}

@Test func `an agent that starts again takes up its pods before it has reached a server`() throws {
    try withMachine { machine in
        machine.feed(.all([.sample()]))
        _ = try #require(machine.status("Running"))
        machine.stop()
        machine.start()
        try machine.runtime.signalContainer(podUID: "u1", name: "web", attempt: 0, signal: 9)
        #expect(machine.runtime.journal.first { $0 == "startContainer web 1" } != nil)
        #expect(machine.connection.statuses.entries.isEmpty, "what the server has may be newer than the copy")
        machine.feed(.all([.sample()]))
        let status = try #require(machine.status("Running"))
        #expect(status.podIP == "10.0.0.2")
        #expect(status.containerStatuses.map(\.restartCount) == [1])
        machine.feed(.all([deleted]))
        #expect(machine.connection.journal.first { $0 == "release u1" } != nil)
    }
}

@Test func `what is here and not in the list is removed at the first list`() throws {
    try withMachine { machine in
        _ = try machine.runtime.createSandbox(SandboxConfig(podUID: "stray", hostname: "stray"))
        machine.feed(.all([]))
        #expect(machine.runtime.journal.first { $0 == "removeSandbox stray" } != nil)
        #expect(machine.network.journal.first { $0 == "detach stray" } != nil)
        #expect(machine.network.journal.entries.first == "sweep stray")
    }
}

@Test func `a container that ends is started again`() throws {
    try withMachine { machine in
        machine.feed(.all([.sample()]))
        _ = try #require(machine.status("Running"))
        try machine.runtime.signalContainer(podUID: "u1", name: "web", attempt: 0, signal: 9)
        #expect(machine.runtime.journal.first { $0 == "startContainer web 1" } != nil)
        #expect(machine.connection.statuses.first { $0.status.containerStatuses.first?.restartCount == 1 } != nil)
    }
}

@Test func `a watch that breaks is begun again`() throws {
    try withMachine { machine in
        machine.connection.feed.send(.failure(.unreachable("down")))
        machine.feed(.all([.sample()]))
        _ = try #require(machine.status("Running"))
        #expect(machine.connection.journal.entries.filter { $0 == "watchPods one" }.count == 2)
        #expect(machine.log.entries.contains { $0.hasPrefix("watching pods failed") && $0.hasSuffix("down") })
    }
}

@Test func `an action that fails is logged, reported and tried again`() throws {
    try withMachine { machine in
        machine.network.fail("broken")
        machine.feed(.all([.sample()]))
        #expect(machine.connection.events.first { $0.reason == "NetworkFailed" }?.message == "broken")
        machine.network.fail(nil)
        _ = try #require(machine.status("Running"))
        #expect(machine.log.entries.contains("pod shop/web-1: NetworkFailed: broken"))
    }
}

@Test func `the node is registered`() throws {
    try withMachine { machine in
        #expect(machine.connection.journal.first { $0 == "register one" } != nil)
    }
}
