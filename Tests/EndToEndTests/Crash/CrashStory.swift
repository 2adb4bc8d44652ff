import Glibc
import Testing

/// What Martlet is asked to do while one of its processes is killed.
enum CrashStory: String, CaseIterable {
    /// Settings, two Apps, a command in a container, an end by itself, fewer replicas.
    case life
    /// An image that is not there yet.
    case image
    /// A container that ends again and again, a supervisor that is killed, a bridge that is gone.
    case trouble
    /// Sandboxes that are ready are taken by pods; one of them is dead, and of one the helper. In the other stories none is
    /// ready: they come and go at any time.
    case ready
    /// An App that requests come to, with more pods, fewer, and none.
    case traffic
    /// The first start on an empty machine.
    case birth
    /// A backup takes the place of what is stored; it is the command that dies.
    case restore

    /// An App whose only container is its first.
    static let quick = "command: [sh, -c, 'exec sleep 1000']"
}

extension CrashRun {
    /// What the pods read. One Secret and one ConfigMap.
    private static let settings = """
        apiVersion: v1
        kind: Secret
        metadata: {name: keys}
        stringData: {token: secret}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data: {colour: green}
        ---

        """

    /// An App with something of everything that lasts: an init container, volumes of every kind, a check.
    static let full = """
        command: [sh, -c, 'cat /keys/token /disk/made; trap "exit 0" TERM; while :; do sleep 0.05; done']
        env: {TOKEN: {secret: keys, key: token}}
        initContainers:
          - {name: first, command: [sh, -c, 'echo made > /disk/made'], volumeMounts: [{name: disk, mountPath: /disk}]}
        volumes:
          - {name: disk, mountPath: /disk, emptyDir: {}}
          - {name: memory, mountPath: /memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
          - {name: keys, mountPath: /keys, secret: {name: keys}}
        health: {readiness: {exec: {command: [test, -f, /disk/made]}, period: 1s}}
        """

    /// The App that nothing happens to.
    static let witness = "replicas: 2\n" + full

    /// A container that ends with a code that is known when it is asked to.
    private static let brief = "command: [sh, -c, 'trap \"exit 23\" TERM; while :; do sleep 0.05; done']"

    /// Has the settings and the witness made.
    func prepare() throws {
        if keepsReady { try awaitParked() }
        witnesses = [:]
        try cluster.apply(Self.settings)
        try cluster.run("witness", Self.witness)
        try observeWitness()
    }

    /// Plays a story to its end, whatever dies on the way.
    func play(_ story: CrashStory) throws {
        switch story {
        case .life: try life()
        case .image: try image()
        case .trouble: try trouble()
        case .ready: try ready()
        case .traffic: try traffic()
        case .birth: try change()
        case .restore: break  // See `restore(armed:)`.
        }
    }

    private func life() throws {
        try change()
        try apply("churn", "replicas: 2\n" + Self.full, replicas: 2)
        try apply("brief", Self.brief, replicas: 1)
        try awaitAvailable(["churn", "brief"])
        if awaitsIdleness { try awaitSettling() }
        try change()
        try execute("churn")
        try endBrief()
        try scale("churn", to: 1)
        try change()
        try awaitAvailable(["churn", "brief"])
        for name in ["churn", "brief"] { try delete(name) }
        try change()
    }

    private func image() throws {
        let number = nextNumber()
        try makeImage("new-\(number)")
        try apply("churn", "image: oci:\(imageDirectory)/new-\(number):new-\(number)", replicas: 1)
        try awaitAvailable(["churn"])
        try delete("churn")
    }

    private func ready() throws {
        try apply("quick", CrashStory.quick, replicas: 1)
        try awaitAvailable(["quick"])
        try awaitParked()
        for (number, supervisor) in cluster.parked.enumerated() {
            let helper = cluster.children(of: supervisor).first
            kill(number == 0 ? supervisor : helper ?? supervisor, SIGKILL)
        }
        try scale("quick", to: 4)
        try awaitAvailable(["quick"])
        try delete("quick")
    }

    private func traffic() throws {
        try apply("served", "ports: [{name: http, port: 8080}]", replicas: 1)
        try awaitAvailable(["served"])
        try awaitAnswer("served")
        try scale("served", to: 2)
        try awaitAvailable(["served"])
        try awaitAnswer("served")
        try delete("served")
    }

    private func trouble() throws {
        try apply("churn", "replicas: 2\n" + Self.full, replicas: 2)
        try apply("again", "command: [sh, -c, 'exit 7']", replicas: 1)
        try awaitAvailable(["churn"])
        try killSupervisor(of: "churn")
        try awaitAvailable(["churn"])
        try `await`("an attempt of again to be removed") {
            let pods = try self.pods("again")
            return pods.first?.container("again").restarts ?? 0 >= 2
        }
        for name in ["churn", "again"] { try delete(name) }
    }
}
