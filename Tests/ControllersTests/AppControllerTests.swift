import Controllers
import Model
import Testing

@testable import Controllers

struct AppControllerTests {
    @Test func `a new App gets its finalizer, a revision, pods and a status in one decision`() throws {
        var world = World(makeApp(2, image: "rootfs:/v1") { $0.metadata.finalizers = [] })
        #expect(world.step().lookups == ["rootfs:/v1"])
        #expect(world.condition("Progressing")?.reason == "ResolvingImage")
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        let actions = world.step()
        #expect(world.app.metadata.finalizers == [WellKnown.appFinalizer])
        let revision = try #require(world.revisions.first)
        #expect(revision.metadata.controller == world.app.controllerReference)
        #expect(revision.spec.revision == 1)
        #expect(revision.name == "web-\(revision.spec.templateHash)")
        #expect(actions.createdPods.count == 2)
        for pod in actions.createdPods {
            #expect(pod.metadata.controller == revision.controllerReference)
            #expect(pod.metadata.labels[WellKnown.appLabel] == "web")
            #expect(pod.metadata.labels[WellKnown.revisionLabel] == revision.name)
            #expect(pod.name.hasPrefix(revision.name + "-"))
            #expect(pod.status?.phase == "Pending")
        }
        #expect(world.status.replicas == 2)
        #expect(world.status.observedGeneration == 1)
        #expect(world.status.currentRevision == revision.name)
        #expect(world.status.stableRevision == nil)
        #expect(world.status.selector == "martlet.dev/app=web")
        #expect(actions.reasons.contains("RevisionCreated") && actions.reasons.contains("ScalingUp"))
    }

    @Test func `pods carry the App's labels, and changing those is no rollout`() {
        var world = deployed(makeApp(1) { $0.metadata.labels = ["team": "a", WellKnown.appLabel: "other"] })
        #expect(world.pods.first?.metadata.labels["team"] == "a")
        #expect(world.pods.first?.metadata.labels[WellKnown.appLabel] == "web")
        world.app.metadata.labels["team"] = "b"
        world.settle()
        #expect(world.revisions.count == 1)
    }

    @Test func `nothing is decided once everything is as desired`() {
        var world = deployed(makeApp(3))
        #expect(world.step() == [])
        world.now = start + .hours(5)
        #expect(world.step() == [])
    }

    @Test func `equal inputs give equal actions`() {
        let world = World(makeApp(5))
        var snapshot = world.snapshot
        snapshot.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        let first = AppController.decide(snapshot, now: start, ids: CountingIDs())
        #expect(first == AppController.decide(snapshot, now: start, ids: CountingIDs()))
        #expect(first.createdPods.count == 5)
    }

    @Test func `an App in a namespace that is going or missing gets nothing new`() {
        var world = World(makeApp(2))
        world.namespace = nil
        #expect(world.step() == [])
        world.namespace = shop
        world.namespace?.metadata.deletionTimestamp = start
        #expect(world.step() == [])
    }

    @Test func `the status says what runs, what is available and that the rollout is complete`() {
        let world = deployed(makeApp(3))
        #expect(world.status.replicas == 3)
        #expect(world.status.updatedReplicas == 3)
        #expect(world.status.readyReplicas == 3)
        #expect(world.status.availableReplicas == 3)
        #expect(world.status.stableRevision == world.revisions.first?.name)
        #expect(world.condition("Available")?.status == "True")
        #expect(world.condition("Available")?.reason == "MinimumReplicasAvailable")
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable")
        #expect(world.condition("ReplicaFailure") == nil)
        #expect(world.revisions.first?.status?.succeeded == true)
        #expect(world.revisions.first?.status?.replicas == 3)
    }

    @Test func `a pod counts as available once it has been ready for minReady, and is looked at then`() {
        var world = World(makeApp(1) { $0.rollout(surge: .count(1), unavailable: .count(0), minReady: .seconds(10)) })
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        world.settle()
        world.makeReady(0)
        #expect(world.step().wakes == [start + .seconds(10)])
        #expect(world.status.readyReplicas == 1)
        #expect(world.status.availableReplicas == 0)
        #expect(world.condition("Available")?.message?.contains("1 pod MinReady") == true)
        world.now = start + .seconds(10)
        world.settle()
        #expect(world.status.availableReplicas == 1)
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable")
    }

    @Test func `scaling changes the number of pods and no revision`() {
        var world = deployed(makeApp(2))
        world.change { $0.spec.replicas = 4 }
        world.settle()
        #expect(world.live.count == 4)
        #expect(world.revisions.count == 1)
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable")
        #expect(world.condition("Available")?.message?.contains("2 pods NotScheduled") == true)
        world.change { $0.spec.replicas = 1 }
        world.settle()
        #expect(world.live.count == 1)
        #expect(world.live.first?.status?.phase == "Running")
        // Pods that no node had were removed at once; the other waits for its agent.
        #expect(world.pods.count == 2)
    }

    @Test func `with autoscale the minimum is wanted until an autoscaler speaks`() {
        var app = makeApp(0)
        app.spec.replicas = nil
        app.spec.autoscale = ["min": 2, "max": 5]
        #expect(app.spec.desiredReplicas == 2)
        app.spec.autoscale = nil
        #expect(app.spec.desiredReplicas == 1)
    }

    @Test func `a stopping pod gets its grace period from its template`() throws {
        var world = deployed(makeApp(1) { $0.spec.stop = StopSpec { $0.gracePeriod = .milliseconds(2500) } })
        world.change { $0.spec.replicas = 0 }
        world.settle()
        let pod = try #require(world.pods.first)
        #expect(pod.metadata.deletionTimestamp == start + .seconds(3))
        #expect(pod.metadata.deletionGracePeriodSeconds == 3)
    }

    // MARK: - Failure

    @Test func `a pod that ended is replaced, later each time, and at once after five quiet minutes`() throws {
        var world = deployed(makeApp(1))
        var waits: [TimeSpan] = []
        for _ in 0..<4 {
            world.pods[0].status?.phase = "Failed"
            let actions = world.step()
            #expect(world.pods.isEmpty)
            let wake = try #require(actions.wakes.first)
            waits.append(wake - world.now)
            world.now = wake
            world.settle()
            #expect(world.pods.count == 1)
            world.makeReady(0)
            world.settle()
        }
        #expect(waits == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
        world.now = world.now + .minutes(6)
        world.pods[0].status?.phase = "Succeeded"
        #expect(world.step().wakes == [world.now + .seconds(1)])
    }

    @Test func `a pod that ended before the clock was set back is replaced at once`() {
        var world = deployed(makeApp(1))
        world.pods[0].status?.phase = "Failed"
        world.step()
        world.now = world.now + .hours(-24)
        world.settle()
        #expect(world.pods.count == 1)
    }

    @Test func `a pod whose node is gone is removed and replaced in one decision`() {
        var world = deployed(makeApp(2))
        world.nodes = []
        let actions = world.step()
        #expect(actions.removals.count == 2)
        #expect(actions.createdPods.count == 2)
        #expect(!actions.reasons.contains("PodEnded"))
    }

    @Test func `what keeps pods from running is said, worst first`() {
        var world = deployed(makeApp(3))
        for index in 0..<2 {
            world.pods[index].status = PodStatus {
                $0.phase = "Running"
                $0.containerStatuses = [
                    ContainerStatus {
                        $0.state = ContainerState {
                            $0.waiting = ContainerWaiting {
                                $0.reason = "CrashLoopBackOff"
                                $0.message = "exited with 1, restarting in 4s"
                            }
                        }
                    }
                ]
            }
        }
        let actions = world.step()
        let failure = world.condition("ReplicaFailure")
        #expect(failure?.reason == "CrashLoopBackOff")
        #expect(failure?.message == "2 pods CrashLoopBackOff: exited with 1, restarting in 4s")
        #expect(world.condition("Available")?.reason == "MinimumReplicasUnavailable")
        #expect(actions.reasons.contains("CrashLoopBackOff"))
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable")
        for index in 0..<2 { world.makeReady(index) }
        world.settle()
        #expect(world.condition("ReplicaFailure") == nil)
    }

    @Test func `no progress for the deadline is said once, and taken back when pods come up`() {
        var world = World(makeApp(1) { $0.spec.rollout = RolloutSpec { $0.progressDeadline = .seconds(30) } })
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        #expect(world.step().wakes == [start + .seconds(30)])
        world.now = start + .seconds(30)
        #expect(world.step().reasons == ["ProgressDeadlineExceeded"])
        #expect(world.condition("Progressing")?.status == "False")
        #expect(world.condition("Progressing")?.message?.contains("last progress at \(start)") == true)
        #expect(world.step() == [])
        world.makeReady(0)
        world.settle()
        #expect(world.condition("Progressing")?.reason == "NewRevisionAvailable")
    }

    @Test func `a pod that fits nowhere makes the rollout say so`() {
        var world = World(makeApp(1))
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        world.settle()
        world.pods[0].status?.conditions = [
            Condition("PodScheduled", false, reason: "Unschedulable", message: "0 of 1 nodes fit: 1 cordoned")
        ]
        world.settle()
        #expect(world.condition("Progressing")?.reason == "Unschedulable")
        #expect(world.condition("Progressing")?.message?.contains("0 of 1 nodes fit: 1 cordoned") == true)
    }

    // MARK: - Deletion

    @Test func `a deleted App stops its pods, then loses its revisions, then goes`() {
        var world = deployed(makeApp(2))
        world.app.metadata.deletionTimestamp = start
        var actions = world.step()
        let stopping = world.pods.filter(\.isTerminating)
        #expect(stopping.count == world.pods.count)
        #expect(actions.reasons == ["Deleting"])
        #expect(world.condition("Progressing")?.message?.contains("2 pods") == true)
        #expect(world.step() == [])
        world.pods.removeFirst()
        world.step()
        #expect(!world.appIsGone)
        world.pods = []
        actions = world.step()
        #expect(world.revisions.isEmpty)
        #expect(world.appIsGone)
    }

    @Test func `a deleted App without running pods goes at once`() {
        var world = World(makeApp(2))
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        world.settle()
        world.app.metadata.deletionTimestamp = start
        world.step()
        #expect(world.pods.isEmpty)
        #expect(world.revisions.isEmpty)
        #expect(world.appIsGone)
    }

    @Test func `finalizers of others are left alone`() {
        var world = World(makeApp(0) { $0.metadata.finalizers = ["example.com/backup", WellKnown.appFinalizer] })
        world.app.metadata.deletionTimestamp = start
        world.step()
        #expect(world.app.metadata.finalizers == ["example.com/backup"])
        #expect(world.step() == [])
    }
}

/// A world in which an App has been rolled out.
func deployed(_ app: App) -> World {
    var world = World(app)
    world.resolutions = app.spec.imageReferences.map { ImageResolution(reference: $0, digest: nil) }
    world.converge()
    return world
}
