import Linux
import Model
import Supervision
import Testing

/// What an agent and a supervisor say to each other arrives as it was said.
@Suite struct SupervisorMessageTests {
    @Test(
        arguments: [
            .joinCgroups, .unshare(flags: -1), .privateMounts, .ownFiles(id: .max), .mapOwners(path: "/a"),
            .overlayRoot(at: "/a", data: nil, options: ["lowerdir+", "/l"]),
            .overlayRoot(at: "/a", data: "lowerdir=/l", options: []),
            .mount(type: "proc", destination: "/proc", options: ["a", ""], attributes: 1 << 62),
            .bind(source: "/s", destination: "/d", attributes: 1),
            .bindBelow(root: "/r", path: "p", destination: "/d", attributes: 2),
            .temporary(destination: "/t", options: ["size", "1"], attributes: 0), .directory(path: "/d", mode: 0o755),
            .device(path: "/dev/null", mode: 0o666, major: 1, minor: 3), .symlink(path: "/p", target: "/t"),
            .mask(path: "/m"), .readOnly(path: "/r"), .terminal(user: 1), .console, .readOnlyRoot, .pivot, .newSession,
            .newKeyring, .streams(user: 7), .limit(resource: 7, soft: 1, hard: UInt64(Int64.max)), .umask(mask: 0o22),
            .joinUserNamespace, .boundingSet(mask: 1 << 40), .user(user: 1, group: 2, groups: [3, 4]),
            .capabilities(mask: 0), .noNewPrivileges, .seccomp(program: "00ff"), .workingDirectory(path: "/"),
            .parentDeathSignal(signal: 9), .execute(candidates: ["/bin/a"], arguments: [], environment: ["é=\n"]),
        ] as [LaunchStep])
    func `a launch step`(step: LaunchStep) throws {
        #expect(try LaunchStep(json: JSONValue(parsing: step.json.serialized())) == step)
    }

    private static let config = SupervisorConfig(
        podUID: "u", hostname: "h", hostNetwork: false, userRange: nil, sysctls: ["a.b": "1"], runDirectory: "/run",
        cgroupProcs: ["/p"])
    private static let identity = ProcessIdentity(
        userRange: UserRange(first: 65_536), user: 1, group: 2, groups: [3], capabilities: 4, noNewPrivileges: true,
        seccomp: "00", limits: [.limit(resource: 7, soft: 1, hard: 2)], workingDirectory: "/", environment: ["A=b"])
    private static let launch = LaunchRequest(
        container: "web.0", directory: "/d", namespaces: 0, rootSteps: [.pivot], identity: identity,
        arguments: ["a"], terminal: false, log: LogTarget(path: "/l", maximumBytes: 1, maximumFiles: 2),
        hasUnifiedCgroup: true, oomCounter: OOMCounter(path: "/o", key: "oom_kill"))

    @Test(
        arguments: [
            .adopt(config), .launch(launch), .signal(container: "web.0", signal: 15), .forget(container: "web.0"),
            .list,
            .exec(ExecRequest(container: "web.0", arguments: ["sh"], terminal: true, stdin: true)), .subscribe,
            .shutdown,
        ] as [SupervisorRequest])
    func `a request`(request: SupervisorRequest) throws {
        #expect(try SupervisorRequest(json: JSONValue(parsing: request.json.serialized())) == request)
    }

    private static let exit = ExitRecord(
        startedAt: nil, finishedAt: 2, exitCode: 137, signal: 9, outOfMemory: true, failure: "f")

    @Test(
        arguments: [
            .done, .container(ContainerRecord(container: "web.0", pid: 1, startedAt: 2, exit: exit)), .containers([]),
            .containers([ContainerRecord(container: "web.0", pid: 1, startedAt: 2, exit: nil)]), .started(pid: 3),
            .failed(kind: .startFailed, message: "no"), .ended(container: "web.0"),
        ] as [SupervisorReply])
    func `a reply`(reply: SupervisorReply) throws {
        #expect(try SupervisorReply(json: JSONValue(parsing: reply.json.serialized())) == reply)
    }

    @Test func `an unknown message is refused by its name`() throws {
        let error = #expect(throws: (any Error).self) {
            _ = try SupervisorRequest(json: JSONValue(parsing: #"["explode"]"#))
        }
        #expect("\(try #require(error))".contains("explode"))
    }
}
