import Controllers
import Model
import Testing

@testable import Controllers

struct ConfigTests {
    private func secret(_ data: [String: String], uid: String = "secret-uid") -> Secret {
        Secret {
            $0.metadata.name = "db"
            $0.metadata.uid = uid
            $0.data = data
        }
    }

    private func reading(_ source: EnvSource) -> World {
        var world = World(makeApp(1) { $0.spec.env = ["X": source] })
        world.resolutions = [ImageResolution(reference: "rootfs:/v1", digest: nil)]
        return world
    }

    @Test func `a missing Secret holds the rollout up, says so, and goes on when it is there`() {
        var world = reading(.secret(name: "db", key: "url"))
        #expect(world.step().reasons == ["MissingConfig"])
        #expect(world.pods.isEmpty)
        let condition = world.condition("Progressing")
        #expect(condition?.status == "False")
        #expect(condition?.message == "Secret \"db\" does not exist in namespace \"shop\"")
        world.secrets = [secret(["other": "eA=="])]
        world.settle()
        #expect(world.condition("Progressing")?.message == "Secret \"db\" has no key \"url\"")
        world.secrets = [secret(["url": "eA=="])]
        world.converge()
        #expect(world.status.availableReplicas == 1)
    }

    @Test func `pods stay when a Secret that they read goes away`() {
        var world = reading(.secret(name: "db", key: "url"))
        world.secrets = [secret(["url": "eA=="])]
        world.converge()
        let pods = world.pods
        world.secrets = []
        world.settle()
        #expect(world.pods == pods)
        #expect(world.condition("Progressing")?.reason == "MissingConfig")
        #expect(world.status.currentRevision == world.revisions.first?.name)
    }

    @Test func `changing what is read is a rollout, changing anything else is not`() {
        var world = reading(.secret(name: "db", key: "url"))
        world.secrets = [secret(["url": "eA==", "other": "eA=="])]
        world.converge()
        world.secrets = [secret(["url": "eA==", "other": "eQ=="])]
        world.converge()
        #expect(world.revisions.count == 1)
        world.secrets = [secret(["url": "eQ==", "other": "eQ=="])]
        world.converge()
        #expect(world.revisions.count == 2)
        #expect(world.live.first?.metadata.annotations[WellKnown.configHashAnnotation] != nil)
    }

    @Test func `the hash of a secret value cannot be found by guessing the value`() {
        var hashes: Set<String> = []
        for uid in ["one", "two"] {
            var world = reading(.secret(name: "db", key: "url"))
            world.secrets = [secret(["url": "eA=="], uid: uid)]
            world.settle()
            hashes.formUnion(world.live.compactMap { $0.metadata.annotations[WellKnown.configHashAnnotation] })
        }
        #expect(hashes.count == 2)
    }

    @Test func `an optional volume may be missing, and its coming is a rollout`() {
        let volume = AppVolume {
            $0.name = "settings"
            $0.config = ProjectionSource {
                $0.name = "settings"
                $0.optional = true
            }
        }
        var world = deployed(makeApp(1) { $0.spec.volumes = [volume] })
        #expect(world.status.availableReplicas == 1)
        world.configMaps = [
            ConfigMap {
                $0.metadata.name = "settings"
                $0.data = ["a": "1"]
            }
        ]
        world.converge()
        #expect(world.revisions.count == 2)
    }

    @Test func `references are collected from every container and volume, each name once`() {
        let spec = makeApp {
            $0.spec.env = ["A": .secret(name: "s1", key: "a"), "B": .config(name: "c1", key: "b"), "C": .value("x")]
            $0.spec.sidecars = [AppContainer { $0.env = ["D": .secret(name: "s2", key: "d")] }]
            $0.spec.initContainers = [AppContainer { $0.env = ["E": .secret(name: "s1", key: "e")] }]
            $0.spec.volumes = [AppVolume { $0.config = ProjectionSource { $0.name = "c2" } }]
        }.spec
        let references = ConfigReferences(spec)
        #expect(references.names(of: .secret) == ["s1", "s2"])
        #expect(references.names(of: .configMap) == ["c1", "c2"])
    }

    @Test func `a persistent volume is refused in so many words`() {
        var world = World(
            makeApp {
                $0.spec.volumes = [
                    AppVolume {
                        $0.name = "data"
                        $0.persistent = [:]
                    }
                ]
            })
        world.settle()
        #expect(world.condition("Progressing")?.reason == "UnsupportedVolume")
        #expect(world.pods.isEmpty)
    }
}

struct ImageTests {
    private let reference = "registry.example.com/web:1"

    @Test func `a digest is looked up once and pins the containers`() {
        var world = World(makeApp(1, image: reference))
        #expect(world.step().lookups == [reference])
        world.resolutions = [ImageResolution(reference: reference, digest: "sha256:abc")]
        world.converge()
        #expect(world.pods.first?.spec.containers.first?.image == "\(reference)@sha256:abc")
        #expect(world.status.images.map(\.digest) == ["sha256:abc"])
        #expect(world.step() == [])
        // An answer that comes twice changes nothing: a revision keeps the digest it was made with.
        world.resolutions = [ImageResolution(reference: reference, digest: "sha256:def")]
        #expect(world.step() == [])
    }

    @Test func `a reference with a digest is not looked up`() {
        var world = World(makeApp(1, image: "\(reference)@sha256:abc"))
        #expect(world.step().lookups.isEmpty)
        #expect(world.pods.first?.spec.containers.first?.image == "\(reference)@sha256:abc")
    }

    @Test func `every image is looked up once, sidecars included`() {
        var world = World(
            makeApp(1, image: "a:1") {
                $0.spec.sidecars = [
                    AppContainer { $0.image = "b:1" }, AppContainer { $0.image = "a:1" }, AppContainer(),
                ]
            })
        #expect(world.step().lookups == ["a:1", "b:1"])
    }

    @Test func `a failed lookup is said and tried again, later each time`() throws {
        var world = World(makeApp(1, image: reference))
        world.step()
        var waits: [TimeSpan] = []
        for _ in 0..<8 {
            world.resolutions = [ImageResolution(reference: reference, digest: nil, error: "no such tag")]
            let wake = try #require(world.step().wakes.first)
            waits.append(wake - world.now)
            #expect(world.step().lookups == [])
            world.now = wake
            #expect(world.step().lookups == [reference])
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        let condition = world.condition("Progressing")
        #expect(condition?.reason == "ImageUnavailable")
        #expect(condition?.message == "image \"\(reference)\" cannot be resolved: no such tag")
        world.resolutions = [ImageResolution(reference: reference, digest: "sha256:abc")]
        world.converge()
        #expect(world.status.availableReplicas == 1)
        #expect(world.status.images.first?.attempts == nil)
    }

    @Test func `a lookup that failed before the clock was set back is tried again at once`() {
        var world = World(makeApp(1, image: reference))
        world.step()
        world.resolutions = [ImageResolution(reference: reference, digest: nil, error: "no such tag")]
        world.step()
        world.now = world.now + .hours(-24)
        #expect(world.step().lookups == [reference])
    }

    @Test func `what the spec no longer names is forgotten`() {
        var world = deployed(makeApp(1, image: "a:1"))
        world.change { $0.spec.image = "b:1" }
        world.resolutions = [ImageResolution(reference: "b:1", digest: "sha256:b")]
        world.converge()
        #expect(world.status.images.map(\.reference) == ["b:1"])
    }
}
