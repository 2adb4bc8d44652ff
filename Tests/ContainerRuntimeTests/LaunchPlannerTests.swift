import Glibc
import Linux
import Model
import Supervision
import Testing

@testable import ContainerRuntime

@Suite struct LaunchPlannerTests {
    private func planner(_ change: (inout LaunchPlanner) -> Void = { _ in }) throws -> LaunchPlanner {
        var config = ContainerConfig(name: "web", attempt: 2, image: ImageID("sha256:1"), logPath: "/logs/web")
        config.command = ["/web"]
        let image = UnpackedImage(
            id: config.image, layerDirectories: ["/layers/top", "/layers/base"], configuration: ImageConfiguration())
        var planner = LaunchPlanner(
            config: config, image: image, user: ResolvedUser(user: 0, group: 0, groups: [0], home: "/root"),
            capabilities: 0xFF, filter: "0102ab",
            paths: ContainerPaths(directory: "/data/web.2", cgroup: "martlet/pod/web.2"),
            mountPoints: "/data/mountpoints", hostname: "web-0",
            cgroups: CgroupView(legacy: []), hasUnifiedCgroup: true)
        change(&planner)
        return planner
    }

    private func index(_ steps: [LaunchStep], _ description: String) throws -> Int {
        try #require(steps.firstIndex { $0.description == description }, "\(description)")
    }

    @Test func `the steps come in the order that keeps the container in`() throws {
        let steps = try planner {
            $0.config.readOnlyRoot = true
            $0.config.mounts = [ContainerMount(source: .bind("/volume"), destination: "/data")]
        }.rootSteps()
        #expect(steps.first == .joinCgroups)
        #expect(steps.last == .pivot)
        let order = try [
            "join the cgroups", "make namespaces", "stop the propagation of mounts",
            "mount the root file system on /data/web.2", "mount proc on /proc", "mount tmpfs on /dev",
            "mount sysfs on /sys", "make device /dev/null", "bind /volume to /data", "mask /proc/kcore",
            "make /proc/sys read-only", "make directory /", "make the root file system read-only", "change the root",
        ].map { try index(steps, $0) }
        #expect(order == order.sorted())
    }

    @Test(arguments: [true, false])
    func `the filter comes last, or before what installing it needs is given up`(noNewPrivileges: Bool) throws {
        let steps = try planner { $0.config.allowPrivilegeEscalation = !noNewPrivileges }
            .identity.steps(arguments: ["/web"])
        let filter = try #require(steps.firstIndex(of: .seccomp(program: "0102ab")))
        let user = try index(steps, "become user 0:0")
        #expect((filter > user) == noNewPrivileges)
        #expect(steps.contains(.noNewPrivileges) == noNewPrivileges)
        if noNewPrivileges { #expect(filter == steps.count - 2) }
        #expect(steps.last?.description == "execute /web")
    }

    @Test func `limits are set while the process is still allowed to raise them`() throws {
        let steps = try planner { $0.user = ResolvedUser(user: 7, group: 8, groups: [8], home: "/") }
            .identity.steps(arguments: ["/web"])
        let descriptors = LaunchStep.limit(
            resource: Int32(RLIMIT_NOFILE.rawValue), soft: 65536, hard: UInt64(Int64.max))
        let limit = try #require(steps.firstIndex(of: descriptors))
        #expect(try limit < index(steps, "become user 7:8"))
        #expect(steps.contains(.limit(resource: Int32(RLIMIT_CORE.rawValue), soft: 0, hard: 0)))
    }

    @Test func `with a user namespace everything is mapped, and it is joined before anything is dropped`() throws {
        let planner = try planner {
            $0.userRange = UserRange(first: 1 << 20)
            $0.user = ResolvedUser(user: 7, group: 8, groups: [8], home: "/")
            $0.config.terminal = true
            $0.config.mounts = [
                ContainerMount(source: .bind("/volume"), subPath: "a/b", destination: "/data", readOnly: true)
            ]
        }
        let steps = try planner.rootSteps() + planner.identity.steps(arguments: ["/web"])
        let order: [LaunchStep] = [
            .privateMounts, .ownFiles(id: 1_048_576), .mapOwners(path: "/layers/top"),
            .mapOwners(path: "/layers/base"), .mapOwners(path: "/data/mountpoints"), planner.overlay,
            .bindBelow(
                root: "/volume", path: "a/b", destination: "/data",
                attributes: MountAttributes.noSetUID | MountAttributes.noDevices | MountAttributes.readOnly
                    | MountAttributes.mappedOwners),
            .terminal(user: 1_048_583), .pivot, .streams(user: 1_048_583), .joinUserNamespace,
            .boundingSet(mask: 0xFF), .user(user: 7, group: 8, groups: [8]), .capabilities(mask: 0),
        ]
        let places = order.map { steps.firstIndex(of: $0) }
        #expect(places.allSatisfy { $0 != nil })
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
    }

    @Test func `without one nothing of it is done`() throws {
        let steps = try planner().rootSteps() + planner().identity.steps(arguments: ["/web"])
        #expect(!steps.contains { "\($0)".hasPrefix("map the owners") })
        #expect(!steps.contains(.joinUserNamespace))
    }

    @Test func `a user that is not root has no effective capabilities`() throws {
        let steps = try planner { $0.user = ResolvedUser(user: 7, group: 8, groups: [8, 9], home: "/") }
            .identity.steps(arguments: ["/web"])
        #expect(steps.contains(.capabilities(mask: 0)))
        #expect(steps.contains(.boundingSet(mask: 0xFF)))
        #expect(steps.contains(.user(user: 7, group: 8, groups: [8, 9])))
    }

    @Test func `the root is an overlay whose layers' names are escaped`() throws {
        let step = try planner { $0.image.layerDirectories = ["/a:b", "/c,d\\e"] }.overlay
        let data =
            "lowerdir=/a\\:b:/c\\,d\\\\e:/data/mountpoints,upperdir=/data/web.2/upper,workdir=/data/web.2/work,volatile"
        #expect(step == .overlayRoot(at: "/data/web.2", data: data, options: []))
    }

    @Test func `layers whose names do not fit into a page are given one by one`() throws {
        let layers = (0..<128).map { "/layers/\($0)/" + String(repeating: "x", count: 64) }
        guard case .overlayRoot(_, nil, let options) = try planner({ $0.image.layerDirectories = layers }).overlay
        else {
            Issue.record("one string")
            return
        }
        #expect(options.prefix(4) == ["lowerdir+", layers[0], "lowerdir+", layers[1]])
        #expect(options.suffix(2) == ["volatile", ""])
    }

    @Test(
        arguments: [
            ([], [], ["/entry"], ["a"], ["/entry", "a"]),
            ([], ["b"], ["/entry"], ["a"], ["/entry", "b"]),
            (["/own"], [], ["/entry"], ["a"], ["/own"]),
            (["/own"], ["b"], ["/entry"], ["a"], ["/own", "b"]),
            ([], [], [], ["/cmd"], ["/cmd"]),
        ] as [([String], [String], [String], [String], [String])])
    func `the command is the configuration's or the image's`(
        command: [String], args: [String], entrypoint: [String], imageCommand: [String], expected: [String]
    ) throws {
        let planner = try planner {
            ($0.config.command, $0.config.args) = (command, args)
            $0.image.configuration.entrypoint = entrypoint
            $0.image.configuration.command = imageCommand
        }
        #expect(try planner.arguments() == expected)
    }

    @Test func `no command at all is refused`() throws {
        let planner = try planner { $0.config.command = [] }
        #expect(throws: RuntimeError(.invalid, "container web has no command, and neither has its image")) {
            try planner.request()
        }
    }

    @Test(arguments: [
        "/", "/proc", "/proc/sys", "//proc//x", "/dev", "/sys", "relative", "/a/../b", "/..", "", "/./",
    ])
    func `a mount is refused where it would hide the kernel or leave the root`(destination: String) throws {
        let planner = try planner {
            $0.config.mounts = [ContainerMount(source: .bind("/volume"), destination: destination)]
        }
        let error = #expect(throws: RuntimeError.self) { try planner.request() }
        #expect(error?.code == .invalid)
    }

    @Test(arguments: [("/a//b/./c/", "/a/b/c"), ("/dev/shm", "/dev/shm"), ("/procession", "/procession")])
    func `a mount's destination is tidied`(destination: String, expected: String) throws {
        #expect(try LaunchPlanner.destination(destination) == expected)
    }

    @Test func `a zero byte in any text is refused`() throws {
        let changes: [(inout LaunchPlanner) -> Void] = [
            { $0.config.command = ["/web\0x"] },
            { $0.config.args = ["\0"] },
            { $0.config.environment = [("A", "b\0c")] },
            { $0.config.workingDirectory = "/a\0" },
            { $0.config.mounts = [ContainerMount(source: .bind("/v\0"), destination: "/data")] },
            { $0.config.mounts = [ContainerMount(source: .bind("/v"), destination: "/d\0")] },
        ]
        for change in changes {
            let planner = try planner(change)
            let error = #expect(throws: RuntimeError.self) { try planner.request() }
            #expect(error?.code == .invalid)
        }
    }

    @Test func `a request survives its way to the supervisor`() throws {
        let request = try planner {
            $0.config.terminal = true
            $0.config.environment = [("A", "b c")]
            $0.oomCounter = OOMCounter(path: "/x", key: "oom_kill")
            $0.cgroups = CgroupView(legacy: [.init(name: "cpu", type: "cgroup", options: ["cpu", ""])])
            $0.config.mounts = [ContainerMount(source: .tmpfs(sizeBytes: 5), destination: "/t", readOnly: true)]
        }.request()
        #expect(try LaunchRequest(json: request.json) == request)
    }

    @Test(arguments: [
        ("web", ["PATH=/a:/b"], ["/a/web", "/b/web"]),
        ("./web", ["PATH=/a"], ["./web"]),
        ("/bin/web", ["PATH=/a"], ["/bin/web"]),
        ("web", ["PATH="], []),
    ])
    func `a program is looked for on the container's own path`(
        program: String, environment: [String], expected: [String]
    ) throws {
        var identity = try planner().identity
        identity.environment = environment
        guard case .execute(let candidates, _, _)? = identity.steps(arguments: [program]).last else {
            Issue.record("no program")
            return
        }
        #expect(candidates == expected)
    }
}
