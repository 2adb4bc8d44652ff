import Controllers
import Model
import Testing

@testable import Controllers

struct RevisionTests {
    private func changed(_ world: inout World, to image: String) {
        world.change { $0.spec.image = image }
        world.resolutions = [ImageResolution(reference: image, digest: nil)]
        world.converge()
    }

    @Test func `a new spec makes a revision with the next number and replaces every pod`() {
        var world = deployed(makeApp(3))
        let first = world.status.currentRevision
        changed(&world, to: "rootfs:/v2")
        #expect(world.revisions.map(\.spec.revision) == [1, 2])
        #expect(world.status.currentRevision != first)
        #expect(world.status.stableRevision == world.status.currentRevision)
        #expect(world.pods(of: world.status.currentRevision).count == 3)
        #expect(world.live.count == 3)
    }

    @Test func `a spec that equals an older one's uses its revision again under a new number`() {
        var world = deployed(makeApp(1))
        let first = world.status.currentRevision
        changed(&world, to: "rootfs:/v2")
        world.change { $0.spec.image = "rootfs:/v1" }
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        #expect(world.step().reasons.contains("RevisionReused"))
        world.converge()
        #expect(world.status.currentRevision == first)
        #expect(world.revisions.count == 2)
        #expect(world.revisions.first { $0.name == first }?.spec.revision == 3)
        #expect(world.step() == [])
    }

    @Test func `the same amount written differently is the same spec`() throws {
        func withCPU(_ text: String) throws -> App {
            let amount = try #require(Quantity(text))
            return makeApp(1) { $0.spec.resources = ResourceRequirements { $0.requests = ["cpu": amount] } }
        }
        var world = deployed(try withCPU("1"))
        let spec = try withCPU("1000m").spec
        world.change { $0.spec = spec }
        world.settle()
        #expect(world.revisions.count == 1)
    }

    @Test func `another revision with the same hash is not mistaken for this one`() throws {
        let template = PodTemplate(makeApp().spec, name: "web", images: [:], configHash: nil)
        let first = RevisionChoice(template, app: makeApp(), revisions: [], now: start, ids: CountingIDs()).revision
        var impostor = first
        impostor.spec.template.spec.hostname = "other"
        let second = RevisionChoice(template, app: makeApp(), revisions: [impostor], now: start, ids: CountingIDs())
        #expect(second.isNew)
        #expect(second.revision.name != first.name)
        #expect(second.revision.spec.revision == 2)
        let third = RevisionChoice(
            template, app: makeApp(), revisions: [impostor, second.revision], now: start, ids: CountingIDs())
        #expect(third.revision == second.revision)
    }

    @Test func `superseded revisions beyond the limit go, oldest first`() {
        var world = deployed(makeApp(1) { $0.spec.rollout = RolloutSpec { $0.historyLimit = 2 } })
        for version in 2...6 { changed(&world, to: "rootfs:/v\(version)") }
        world.settle()
        #expect(world.revisions.map(\.spec.revision).sorted() == [4, 5, 6])
    }

    @Test func `a revision with pods is kept whatever the limit`() {
        var world = deployed(makeApp(1) { $0.spec.rollout = RolloutSpec { $0.historyLimit = 0 } })
        let first = world.revisions.first?.name
        world.change { $0.spec.image = "rootfs:/v2" }
        world.resolutions = [ImageResolution(reference: "rootfs:/v2", digest: nil)]
        world.settle()
        #expect(world.revisions.contains { $0.name == first })
        world.converge()
        world.settle()
        #expect(world.revisions.map(\.spec.revision) == [2])
    }

    @Test func `a new spec in mid-flight replaces the unfinished revision, and the stable one stays`() {
        var world = deployed(makeApp(4) { $0.rollout(surge: .count(1), unavailable: .count(0)) })
        let stable = world.status.stableRevision
        for image in ["rootfs:/bad", "rootfs:/worse"] {
            world.change { $0.spec.image = image }
            world.resolutions = [ImageResolution(reference: image, digest: nil)]
            world.settle()
        }
        #expect(world.status.stableRevision == stable)
        #expect(world.pods(of: stable).count == 4)
        #expect(world.live.count == 5)
        #expect(world.pods(of: world.status.currentRevision).count == 1)
        changed(&world, to: "rootfs:/good")
        #expect(world.live.count == 4)
        #expect(world.status.stableRevision == world.status.currentRevision)
    }

    @Test func `a stable revision whose pods all crash does not hold up the next one`() {
        var world = World(makeApp(4) { $0.rollout(surge: .count(1), unavailable: .count(0)) })
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        world.settle()
        for index in world.pods.indices {
            world.pods[index].spec.nodeName = "one"
            world.pods[index].status = PodStatus { $0.phase = "Running" }
        }
        changed(&world, to: "rootfs:/good")
        #expect(world.pods(of: world.status.currentRevision).count == 4)
        #expect(world.live.count == 4)
    }

    @Test func `stable pods lost while a bad revision is rolled out are made again`() {
        var world = deployed(makeApp(4) { $0.rollout(surge: .count(1), unavailable: .count(0)) })
        let stable = world.status.stableRevision
        world.change { $0.spec.image = "rootfs:/bad" }
        world.resolutions = [ImageResolution(reference: "rootfs:/bad", digest: nil)]
        world.settle()
        for index in world.pods.indices where world.pods[index].metadata.controller?.name == stable {
            world.pods[index].metadata.deletionTimestamp = start
            break
        }
        world.settle()
        #expect(world.pods(of: stable).count == 4)
        #expect(world.pods(of: world.status.currentRevision).count == 1)
    }

    @Test func `recreate stops everything first`() {
        var world = deployed(makeApp(2) { $0.spec.rollout = RolloutSpec { $0.strategy = "Recreate" } })
        world.change { $0.spec.image = "rootfs:/v2" }
        world.resolutions = [ImageResolution(reference: "rootfs:/v2", digest: nil)]
        world.settle()
        #expect(world.live.isEmpty)
        #expect(world.pods.count == 2)
        world.pods.removeFirst()
        world.settle()
        #expect(world.live.isEmpty)
        world.pods = []
        world.settle()
        #expect(world.live.count == 2)
    }
}
