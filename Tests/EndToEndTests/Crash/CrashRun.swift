import Failpoints
import Glibc
import Linux
import Model
import Testing

/// Something that is not as it has to be after a crash.
struct CrashProblem: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A Martlet whose processes are killed: plays stories, starts the server again when it has died, and keeps account of what
/// must be true afterwards.
final class CrashRun {
    let cluster: Cluster
    let trace: String
    /// How often the server has died.
    private(set) var deaths = 0
    /// Processes of containers that are about to end by themselves, and must be known to have ended with 23.
    private var briefEnded = false
    private var number = 0
    /// The last number that a write was acknowledged with, and the last that was tried.
    var acknowledged = 0
    var attempted = 0
    /// What was acknowledged of Apps: how many replicas, or that it is deleted.
    private var replicas: [String: Int?] = [:]
    var witnesses: [String: (pid: Int32, started: UInt64)] = [:]

    init() throws {
        cluster = try Cluster()
        trace = "\(parentDirectory(of: cluster.data))/trace"
    }

    var imageDirectory: String { cluster.images }
    var runDirectory: String { "/run/martlet-\(cluster.mark)" }

    func nextNumber() -> Int {
        number += 1
        return number
    }

    func makeImage(_ tag: String) throws {
        let words = ["\(Cluster.repository)/hack/make-image", "\(imageDirectory)/\(tag)", "--tag", tag]
        let output = try cluster.run(words)
        guard output.code == 0 else { throw CrashProblem("\(output)") }
    }

    // MARK: - Questions

    /// An object, unlike `Cluster.get` without a complaint when the server has just died.
    func object(_ type: String, _ name: String) throws -> JSONValue { try ask(["get", type, name, "-o", "json"]) }

    func pods(_ app: String) throws -> [PodView] {
        let list = try ask(["get", "pods", "-l", "martlet.dev/app=\(app)", "-o", "json"])
        return (list["items"]?.array ?? []).map(PodView.init).sorted { $0.name < $1.name }
    }

    private func ask(_ words: [String]) throws -> JSONValue {
        let output = try cluster.run(["martlet"] + words)
        guard output.code == 0 else { throw CrashProblem("\(output)") }
        return try JSONValue(parsing: output.out)
    }

    // MARK: - The server

    /// Whether a process has died at the armed failpoint.
    var hasFired: Bool { PassedPlace.read(trace).contains { $0.mark == "fired" } }

    func forgetTrace() { unlink(trace) }

    /// Whether the story is to come to what a supervisor does when nothing has been asked of it for a while: what is armed is
    /// there, or nothing is and the story is recorded.
    private(set) var awaitsIdleness = false

    /// Waits until a supervisor that was started in this story has had nothing to do.
    func awaitSettling() throws {
        try `await`("a supervisor with nothing to do") {
            PassedPlace.read(self.trace).contains { $0.kind == Failpoint.supervisorSettling.rawValue }
        }
    }

    /// Whether sandboxes are kept ready from the next start on.
    var keepsReady = false {
        didSet { cluster.serverOptions = keepsReady ? [] : ["--ready-sandboxes", "0"] }
    }

    /// Whether a server has left sandboxes that it kept ready.
    var hasParked: Bool { (try? listDirectory("\(runDirectory)/parked").isEmpty) == false }

    /// Waits until two sandboxes are ready.
    func awaitParked() throws {
        try `await`("sandboxes that are ready") { self.cluster.parked.count >= 2 }
    }

    /// Starts the server with a failpoint armed. It may die on the way.
    func start(armed target: String) throws {
        unlink(trace)
        awaitsIdleness = target.isEmpty || target.contains(Failpoint.supervisorSettling.rawValue)
        cluster.serverEnvironment = ["MARTLET_FAILPOINT": target, "MARTLET_FAILPOINT_TRACE": trace]
        defer { cluster.serverEnvironment = [:] }
        do {
            try cluster.start()
        } catch let error as TimedOut {
            guard cluster.server?.hasEnded == true else { throw error }
        }
        try revive()
    }

    /// Starts the server again if it has died.
    func revive() throws {
        guard let server = cluster.server, server.hasEnded else { return }
        let code = try server.awaitEnd(seconds: 1)
        guard code == 128 + SIGKILL else { throw CrashProblem("martlet up ended with code \(code): \(server.err)") }
        deaths += 1
        try whileItIsDown()
        try cluster.start()
    }

    /// Something ends while there is no server.
    private func whileItIsDown() throws {
        guard let brief = briefUID, !briefEnded, let first = try? cluster.firstProcess(of: brief, "brief") else {
            return
        }
        kill(first.pid, SIGTERM)
        briefEnded = true
        try eventually("the end of a container without a server") {
            processStartTime(first.pid) == first.started ? nil : true
        }
    }

    /// Looks again and again until something is so, and starts the server whenever it has died.
    func `await`(_ what: String, within seconds: Double = 30, _ isSo: () throws -> Bool) throws {
        var last: (any Error)?
        do {
            try eventually(what, within: seconds, last: { last.map { "\($0)" } ?? "" }) {
                try revive()
                do { return try isSo() ? true : nil } catch { last = error }
                return nil
            }
        } catch {
            let log = cluster.server?.err.split(separator: "\n").suffix(8).joined(separator: "\n") ?? ""
            throw CrashProblem("\(error)\n\(try cluster.martlet("get", "pods").out)\(log)")
        }
    }

    /// Makes the machine one on which Martlet never was.
    func forgetEverything() throws {
        try cluster.stop(SIGKILL)
        let output = try cluster.martlet("cleanup", "--purge")
        guard output.code == 0 else { throw CrashProblem("\(output)") }
        (replicas, witnesses) = ([:], [:])
    }

    /// Makes everything anew after something went wrong, so that what follows is judged by itself.
    func reset() throws {
        try cluster.stop(SIGKILL)
        _ = try cluster.martlet("cleanup")
        try cluster.start()
        (replicas, briefUID, briefEnded) = ([:], nil, false)
        let names = ["churn", "brief", "again", "many", "quick", "served"]
        for name in names { _ = try cluster.martlet("delete", "app", name, "--wait=false", "--ignore-not-found") }
        try `await`("an end of all stories") { try names.allSatisfy { try self.pods($0).isEmpty } }
        try prepare()
    }

    // MARK: - What stories do

    /// Runs a command until it is acknowledged.
    private func acknowledge(_ what: String, _ words: [String], input: String = "") throws {
        try `await`(what) {
            let output = try self.cluster.run(["martlet"] + words, input: input)
            if output.code != 0 { throw CrashProblem("\(output)") }
            return true
        }
    }

    /// Writes the next number.
    func change() throws {
        attempted += 1
        let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: numbers}\ndata: {last: \"\(attempted)\"}\n"
        try acknowledge("the number \(attempted)", ["apply", "-f", "-"], input: manifest)
        acknowledged = attempted
    }

    func apply(_ name: String, _ spec: String, replicas count: Int) throws {
        try acknowledge("apply \(name)", ["apply", "-f", "-"], input: cluster.manifest(name, spec))
        replicas[name] = count
    }

    func scale(_ name: String, to count: Int) throws {
        try acknowledge("scale \(name)", ["scale", name, "--replicas", "\(count)"])
        replicas[name] = count
    }

    func delete(_ name: String) throws {
        if name == "brief" { try checkBrief() }
        try acknowledge("delete \(name)", ["delete", "app", name, "--wait=false", "--ignore-not-found"])
        replicas[name] = .some(nil)
    }

    /// - Parameter meanwhile: what is done each time before looking.
    func awaitAvailable(_ names: [String], within seconds: Double = 30, meanwhile: () -> Void = {}) throws {
        for name in names {
            let wanted = Int64((replicas[name] ?? 0) ?? 0)
            try `await`("\(name) with \(wanted) pods", within: seconds) {
                meanwhile()
                let status = try self.object("app", name)["status"]
                let counts = ["replicas", "readyReplicas", "updatedReplicas"].map { status?[$0]?.integer ?? 0 }
                return counts == [wanted, wanted, wanted]
            }
        }
        guard names.contains("brief"), briefUID == nil else { return }
        // The server may die between one question and the next.
        try `await`("the pod of brief") {
            self.briefUID = try self.pods("brief").first?.uid
            return self.briefUID != nil
        }
    }

    /// Waits until an App answers under its virtual address.
    func awaitAnswer(_ name: String) throws {
        try `await`("an answer of \(name)") {
            let address = try self.object("app", name)["status"]?["virtualAddress"]?.string ?? ""
            let output = try self.cluster.run(["curl", "-sSf", "--max-time", "2", "http://\(address):8080/"])
            if output.code != 0 { throw CrashProblem("\(output)") }
            return true
        }
    }

    private var briefUID: String?

    /// A command in a container: it succeeds, unless what it needs dies.
    func execute(_ name: String) throws {
        try `await`("a command in \(name)") {
            let output = try self.cluster.run(["martlet", "exec", name, "--", "true"])
            if output.code != 0 { throw CrashProblem("\(output)") }
            return true
        }
    }

    func endBrief() throws {
        guard let uid = briefUID, !briefEnded else { return }
        let first = try cluster.firstProcess(of: uid, "brief")
        briefEnded = true
        kill(first.pid, SIGTERM)
    }

    /// The end that must be known, whoever was there when it happened.
    private func checkBrief() throws {
        guard let uid = briefUID, briefEnded else { return }
        try `await`("brief's exit code to be known") {
            let pods = try self.pods("brief")
            guard let pod = pods.first(where: { $0.uid == uid }) else {
                throw CrashProblem("brief's pod is another one")
            }
            let code = pod.container("brief").exitCode
            // A supervisor that is killed takes its containers with it, and their codes.
            if code == 137, self.supervisorsDie { return true }
            return code == 23 && pod.container("brief").restarts >= 1
        }
        briefUID = nil
        briefEnded = false
    }

    /// Whether supervisors are among what is killed.
    var supervisorsDie = false

    func killSupervisor(of name: String) throws {
        let pods = try pods(name)
        guard let uid = pods.first?.uid, let pid = cluster.supervisor(of: uid) else { return }
        kill(pid, SIGKILL)
        try eventually("the end of a supervisor") { processStartTime(pid) == nil ? true : nil }
    }

    // MARK: - What must be true

    func observeWitness() throws {
        for pod in try pods("witness") {
            witnesses[pod.uid] = try cluster.firstProcess(of: pod.uid, "witness")
        }
    }

    /// Checks everything, as soon as it has come to rest.
    func check() throws {
        try `await`("the pods of deleted Apps to be gone") {
            try self.replicas.keys.filter { self.replicas[$0] == .some(nil) }.allSatisfy {
                try self.pods($0).isEmpty
            }
        }
        try checkAcknowledged()
        for (uid, before) in witnesses {
            let after = try cluster.firstProcess(of: uid, "witness")
            guard before == after else { throw CrashProblem("the witness \(uid) was \(before) and is \(after)") }
        }
        // A server that has just started asks once before it calls a pod ready.
        try `await`("the witness to be ready as ever") {
            let pods = try self.pods("witness")
            guard pods.allSatisfy({ $0.container("witness").restarts == 0 && self.witnesses[$0.uid] != nil }) else {
                throw CrashProblem("the witness is \(pods.map { $0.document.text() })")
            }
            return pods.count == self.witnesses.count && pods.allSatisfy(\.isReady)
        }
        var ledger = Ledger()
        do {
            try `await`("nothing left over and nothing missing", within: 15) {
                ledger = try self.cluster.ledger()
                return ledger.isBalanced
            }
        } catch {
            throw CrashProblem("\(ledger)\n\(error)")
        }
        replicas = [:]
    }

    private func checkAcknowledged() throws {
        let numbers = try asked { try self.object("configmap", "numbers") }
        let last = numbers["data"]?["last"]?.string.flatMap { Int($0) } ?? 0
        guard last >= acknowledged, last <= attempted else {
            throw CrashProblem("the number is \(last); \(acknowledged) was acknowledged, \(attempted) tried")
        }
        let apps = try asked { try self.ask(["get", "apps", "-o", "json"]) }
        let counts = (apps["items"]?.array ?? []).reduce(into: [String: Int]()) { counts, app in
            counts[app["metadata"]?["name"]?.string ?? ""] = app["spec"]?["replicas"]?.integer.map { Int($0) } ?? 1
        }
        for (name, count) in replicas.sorted(by: { $0.key < $1.key }) where counts[name] != count {
            throw CrashProblem("\(name) with \(count ?? 0) pods was acknowledged; it has \(counts[name] ?? 0)")
        }
    }

    /// An answer, although the server may be killed just then.
    private func asked<Value>(_ question: () throws -> Value) throws -> Value {
        var answer: Value?
        try `await`("an answer") {
            answer = try question()
            return true
        }
        guard let answer else { throw CrashProblem("no answer") }
        return answer
    }
}
