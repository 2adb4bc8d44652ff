import Agent
import ContainerRuntime
import Model

/// One machine's kernel and disk as far as pods are concerned: a ledger of everything that pods have there, which outlives the agent. The
/// production agent works on it through the same protocols as on a real machine.
///
/// Before and after each step the agent may be killed, and each step may fail.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class Kernel: @unchecked Sendable {
    /// A container on the machine.
    struct Process {
        var observation: ContainerObservation
        let image: String
        /// Tells this run from others, so that an end that was expected of one does not end another.
        let serial: Int
        /// Whether the process is about to end.
        var isEnding = false
    }

    /// What one pod has on the machine.
    struct Possessions {
        var supervisor: Int32?
        var hasDirectory = false
        var processes: [Process] = []
        var address: String?
        var volumes: [String] = []
        var memoryVolumes: [String] = []
        var logs: [String] = []
        var copy: Pod?

        var isNothing: Bool {
            supervisor == nil && !hasDirectory && processes.isEmpty && address == nil && volumes.isEmpty
                && memoryVolumes.isEmpty && logs.isEmpty && copy == nil
        }

        /// What there is, in words; equal for equal possessions, whenever they were made.
        var text: String {
            let running = processes.map {
                "\($0.observation.name)#\($0.observation.attempt):\($0.isRunning ? "up" : "down")"
            }
            return [
                supervisor == nil ? nil : "supervisor", hasDirectory ? "directory" : nil,
                running.isEmpty ? nil : running.joined(separator: " "), address,
                volumes.isEmpty ? nil : "volumes \(volumes.joined(separator: " "))",
                memoryVolumes.isEmpty ? nil : "tmpfs \(memoryVolumes.joined(separator: " "))",
                logs.isEmpty ? nil : "logs \(logs.joined(separator: " "))", copy == nil ? nil : "copy",
            ].compactMap { $0 }.joined(separator: ", ")
        }
    }

    unowned let world: World
    let node: String
    let address: String
    private(set) var pods: [String: Possessions] = [:]
    private var nextPID: Int32 = 100
    private var nextAddress = 2
    private var serial = 0
    /// Told when something of a pod ended.
    var onExit: (String) -> Void = { _ in }
    /// Asks whether the agent is killed now, and kills it.
    var killsAgent: () -> Bool = { false }

    init(_ world: World, node: String, index: Int) {
        self.world = world
        self.node = node
        address = "10.0.\(index).1"
    }

    private var lane: String { "kernel \(node)" }

    /// The pods that have anything here, in order.
    var podUIDs: [String] { pods.keys.sorted() }

    /// Everything that is here, in words.
    var text: String { podUIDs.map { "\($0): \(pods[$0]?.text ?? "")" }.joined(separator: "; ") }

    /// Makes one step that may be interrupted before and after.
    func step(_ name: String, _ uid: String, _ change: (inout Possessions) -> Void) throws(RuntimeError) {
        if killsAgent() { throw RuntimeError(.system, "the agent was killed before \(name)") }
        if world.happens(.actionFailure, lane) { throw RuntimeError(.system, "\(name): simulated failure") }
        var possessions = pods[uid] ?? Possessions()
        change(&possessions)
        pods[uid] = possessions.isNothing ? nil : possessions
        if killsAgent() { throw RuntimeError(.system, "the agent was killed after \(name)") }
    }

    /// A new process id.
    func makePID() -> Int32 {
        nextPID += 1
        return nextPID
    }

    /// A new address.
    func makeAddress() -> String {
        nextAddress += 1
        return "10.\(nextAddress / 65536 + 100).\(nextAddress / 256 % 256).\(nextAddress % 256)"
    }

    // MARK: - Processes

    /// Starts a container's first process; what it does follows from its image.
    func launch(_ config: ContainerConfig, pod uid: String) {
        serial += 1
        let own = serial
        let time = (world.machineWall(node)).nanoseconds
        let observation = ContainerObservation(
            name: config.name, attempt: config.attempt, phase: .running(pid: makePID()), startedAt: time)
        pods[uid]?.processes.append(Process(observation: observation, image: config.image.text, serial: own))
        world.note("kernel", "\(node): \(uid) \(config.name)#\(config.attempt) runs \(config.image.text)")
        world.observe(.started(node: node, podUID: uid, container: config.name, attempt: config.attempt))
        switch Image(config.image.text) {
        case .crashing: end(uid, own, after: world.draw(lane) { $0.span(.milliseconds(50)...(.seconds(8))) }, code: 1)
        case .ending: end(uid, own, after: world.draw(lane) { $0.span(.milliseconds(50)...(.seconds(8))) }, code: 0)
        default: break
        }
    }

    /// Sends a signal.
    func signal(_ signal: Int32, to name: String, attempt: Int, pod uid: String) {
        guard
            let index = pods[uid]?.processes.firstIndex(where: {
                $0.observation.name == name && $0.observation.attempt == attempt && $0.isRunning
            }), let process = pods[uid]?.processes[index]
        else { return }
        if signal == 9 { return end(uid, process.serial, after: .milliseconds(1), code: 137, signal: 9) }
        guard !process.isEnding else { return }
        switch Image(process.image) {
        case .stubborn: return
        case .slow:
            let wait = world.draw(lane) { $0.span(.seconds(1)...(.seconds(8))) }
            end(uid, process.serial, after: wait, code: 0)
        default: end(uid, process.serial, after: .milliseconds(20), code: 143, signal: 15)
        }
        pods[uid]?.processes[index].isEnding = true
    }

    private func end(_ uid: String, _ serial: Int, after wait: TimeSpan, code: Int, signal: Int? = nil) {
        world.after(wait) { [weak self] in
            guard let self, let index = pods[uid]?.processes.firstIndex(where: { $0.serial == serial && $0.isRunning })
            else {
                return
            }
            finish(index, of: uid, code: code, signal: signal)
            onExit(uid)
        }
    }

    private func finish(_ index: Int, of uid: String, code: Int, signal: Int?) {
        pods[uid]?.processes[index].observation.phase = .exited(exitCode: code, signal: signal, outOfMemory: false)
        pods[uid]?.processes[index].observation.finishedAt = world.machineWall(node).nanoseconds
        world.note("kernel", "\(node): \(uid) serial \(pods[uid]?.processes[index].serial ?? 0) ends with \(code)")
    }

    /// Kills the supervisor of a pod; its containers go with it.
    func killSupervisor(of uid: String) {
        guard pods[uid]?.supervisor != nil else { return }
        world.note("kernel", "\(node): the supervisor of \(uid) is gone")
        pods[uid]?.supervisor = nil
        for index in pods[uid]?.processes.indices ?? 0..<0 where pods[uid]?.processes[index].isRunning == true {
            finish(index, of: uid, code: 137, signal: 9)
        }
        onExit(uid)
    }

    /// Switches the machine off and on: what is on its disk stays.
    func reboot() {
        for uid in podUIDs {
            pods[uid]?.supervisor = nil
            pods[uid]?.address = nil
            pods[uid]?.memoryVolumes = []
            for index in pods[uid]?.processes.indices ?? 0..<0 where pods[uid]?.processes[index].isRunning == true {
                finish(index, of: uid, code: 137, signal: 9)
            }
            if pods[uid]?.isNothing == true { pods[uid] = nil }
        }
    }
}

extension Kernel.Process {
    var isRunning: Bool { if case .running = observation.phase { true } else { false } }
}
