import Agent
import Model

/// A node's machine: its kernel, and the agent that is started, killed and started again.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class Machine: @unchecked Sendable {
    unowned let world: World
    let name: String
    let index: Int
    let kernel: Kernel
    let client: SimulatedClient
    /// How far its wall clock is from the true one.
    var wallOffset = TimeSpan.zero
    /// The agent; nil while it is down.
    private(set) var agent: SimulatedAgent?

    init(_ world: World, index: Int) {
        self.world = world
        self.index = index
        name = "node-\(index < 9 ? "0" : "")\(index + 1)"
        kernel = Kernel(world, node: name, index: index)
        client = SimulatedClient(world, name: "system:node:\(name)", groups: ["system:nodes"])
    }

    var lane: String { "agent \(name)" }

    /// Its wall clock.
    var wall: Timestamp { World.epoch + world.now + wallOffset }

    /// Starts the agent, and the faults.
    func begin() {
        kernel.onExit = { [unowned self] uid in agent?.send(.runtimeChanged(uid)) }
        kernel.killsAgent = { [unowned self] in
            guard agent != nil, world.happens(.crashInAction, lane) else { return agent == nil }
            kill("in an action")
            return true
        }
        world.after(world.draw(lane) { $0.span(.zero...(.seconds(1))) }) { [unowned self] in launch() }
        world.repeatedly(.agentCrash, lane) { [unowned self] in kill("at some moment") }
        world.repeatedly(.agentStall, lane) { [unowned self] in
            agent?.stall(for: world.draw(lane) { $0.span(.seconds(1)...(.seconds(60))) })
        }
        world.repeatedly(.reboot, lane) { [unowned self] in
            world.note("machine", "\(name) is switched off and on")
            kill("with its machine")
            kernel.reboot()
        }
        world.repeatedly(.supervisorLoss, lane) { [unowned self] in
            let uids = kernel.podUIDs
            if !uids.isEmpty { kernel.killSupervisor(of: world.draw(lane) { $0.pick(uids) }) }
        }
    }

    private func launch() {
        guard agent == nil else { return }
        world.note("agent", "\(name) starts")
        agent = SimulatedAgent(self)
        agent?.begin()
    }

    /// Kills the agent; it comes back after a while.
    func kill(_ why: String) {
        guard let dying = agent else { return }
        world.note("agent", "\(name) is killed \(why)")
        agent = nil
        dying.die()
        let wait = world.draw(lane) { $0.span(.milliseconds(200)...(.seconds(15))) }
        world.after(wait) { [unowned self] in launch() }
    }

    /// Brings the agent up for good.
    func heal() {
        launch()
        agent?.wakeUp()
    }

    /// The node as it describes itself.
    var node: Node {
        Node { node in
            node.metadata.name = name
            node.metadata.labels = ["kubernetes.io/hostname": name, "zone": "zone-\(index % 3)"]
            if world.sabotage == .idleWrites { node.metadata.labels["beat"] = "\(world.now.wholeSeconds)" }
            node.spec = NodeSpec { $0.podCIDR = "10.0.\(index).0/24" }
            node.status = NodeStatus { status in
                let offered: [String: Quantity] = [
                    "cpu": .millicores(world.plan.nodeCPU), "memory": .bytes(4 << 30), "pods": .count(110),
                ]
                status.capacity = offered
                status.allocatable = offered
                status.addresses = [NodeAddress { ($0.type, $0.address) = ("InternalIP", kernel.address) }]
                status.conditions = [Condition("Ready", true, reason: "AgentReady", message: "the agent runs pods")]
            }
        }
    }
}

extension World {
    /// The wall clock of a node's machine.
    func machineWall(_ node: String) -> Timestamp { machines.first { $0.name == node }?.wall ?? wall }
}
