import Controllers
import Model
import TestSupport
import Testing

@testable import Controllers

/// Laws that hold in every history: specs change at random while pods come up, crash, end and vanish at random.
struct RolloutLawTests {
    private struct History {
        var world: World
        var random: SplitMix64
        let minReady: TimeSpan

        init(seed: UInt64) {
            random = SplitMix64(seed: seed)
            minReady = .seconds(Int64.random(in: 0...3, using: &random))
            let surge = Int.random(in: 0...3, using: &random)
            let unavailable = Int.random(in: surge == 0 ? 1...2 : 0...2, using: &random)
            let span = minReady
            world = World(
                makeApp(Int.random(in: 0...6, using: &random)) {
                    $0.rollout(surge: .count(surge), unavailable: .count(unavailable), minReady: span)
                })
        }

        /// Something happens that no decision caused.
        mutating func happen() {
            world.now = world.now + .milliseconds(Int64.random(in: 100...2000, using: &random))
            switch Int.random(in: 0..<12, using: &random) {
            case 0: world.change { $0.spec.image = "rootfs:/v\(Int.random(in: 1...4, using: &random))" }
            case 1: world.change { $0.spec.replicas = Int.random(in: 0...6, using: &random) }
            case 2: pick { $0.status?.phase = "Failed" }
            case 3: pick { $0.status?.conditions = [] }
            case 4: pick { $0.metadata.deletionTimestamp = $0.metadata.deletionTimestamp ?? start }
            case 5: world.pods.removeAll(where: \.isTerminating)
            default:
                let now = world.now
                pick {
                    $0.spec.nodeName = "one"
                    if !$0.isFinished { $0.status = .ready(since: now) }
                }
            }
            answer()
        }

        /// The agent brings everything up and lets go of everything.
        mutating func calm() {
            world.now = world.now + .seconds(61)
            answer()
            world.pods.removeAll(where: \.isTerminating)
            for index in world.pods.indices where !world.pods[index].isFinished {
                world.pods[index].spec.nodeName = "one"
                if world.pods[index].status?.conditions.isEmpty != false {
                    world.pods[index].status = .ready(since: world.now + .seconds(-10))
                }
            }
        }

        private mutating func answer() {
            world.resolutions = world.app.spec.imageReferences.map { ImageResolution(reference: $0, digest: nil) }
        }

        private mutating func pick(_ change: (inout Pod) -> Void) {
            guard let index = world.pods.indices.randomElement(using: &random) else { return }
            change(&world.pods[index])
        }
    }

    private func limits(_ world: World) -> RolloutLimits {
        RolloutLimits(desired: world.app.spec.desiredReplicas, rollout: world.app.spec.rollout)
    }

    @Test(arguments: 0..<60)
    func `every decision keeps the limits`(seed: Int) {
        var history = History(seed: UInt64(seed))
        for _ in 0..<100 {
            history.happen()
            let before = history.world
            history.world.step()
            let (world, limits) = (history.world, limits(before))
            let comment = Comment(rawValue: "seed \(seed)")
            // No decision takes the available pods below the limit; faults may have done so before it.
            #expect(world.available.count >= min(before.available.count, limits.minAvailable), comment)
            if world.status.conditions["Progressing"]?.reason != "ResolvingImage" {
                #expect(world.live.count <= limits.maxTotal, comment)
            }
            #expect(Set(world.pods.map(\.name)).count == world.pods.count, comment)
            #expect(world.pods(of: world.status.currentRevision).count <= limits.desired, comment)
        }
    }

    @Test(arguments: 0..<60)
    func `when faults stop, what is desired comes about and stays`(seed: Int) {
        var history = History(seed: UInt64(seed) &+ 1_000_000)
        for _ in 0..<60 {
            history.happen()
            history.world.step()
        }
        for _ in 0..<60 {
            history.calm()
            #expect(history.world.settle() != nil, "seed \(seed) does not come to rest")
        }
        let world = history.world
        #expect(world.live.count == world.app.spec.desiredReplicas, "seed \(seed)")
        #expect(world.available.count == world.app.spec.desiredReplicas, "seed \(seed)")
        #expect(world.pods(of: world.status.currentRevision).count == world.live.count, "seed \(seed)")
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable", "seed \(seed)")
        var last = world
        last.now = last.now + .hours(1)
        #expect(last.step() == [], "seed \(seed)")
    }

    @Test(arguments: 0..<40)
    func `one history gives one sequence of actions`(seed: Int) {
        func run() -> [[Action]] {
            var history = History(seed: UInt64(seed) &+ 2_000_000)
            return (0..<60).map { _ in
                history.happen()
                return history.world.step()
            }
        }
        #expect(run() == run())
    }

    @Test(arguments: 0..<60)
    func `a decision that was carried out is not taken back by the next`(seed: Int) {
        var history = History(seed: UInt64(seed) &+ 3_000_000)
        for _ in 0..<60 {
            history.happen()
            history.world.step()
            // Nothing happens in between: a second look makes and stops nothing that the first one did not.
            let again = history.world.step()
            let pods = again.filter {
                switch $0 {
                case .createPod, .requestDeletion, .createRevision: true
                default: false
                }
            }
            #expect(pods == [], "seed \(seed)")
        }
    }
}
