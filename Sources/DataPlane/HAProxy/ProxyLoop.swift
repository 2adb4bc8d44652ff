import Glibc
import Linux
import Model
import Proxy
import Threads

/// The thread that decides and speaks to HAProxy: it compares what is desired with what was observed, and does one thing after
/// the other. Nothing of it depends on having seen every change.
final class ProxyLoop {
    let options: HAProxyOptions
    let shared: DirectorState
    let program: SupervisedProgram
    let files: ProxyFiles
    let runtime: RuntimeSocket
    let master: RuntimeSocket

    /// What is desired; nil before the first table.
    var desired: HAProxyConfiguration?
    /// Whether the supervision of HAProxy has begun.
    var hasBegun = false
    /// Whether HAProxy runs, as far as is known.
    var isRunning = false
    /// Whether it has ended since this process began.
    var hasEnded = false
    /// What the process that serves does; nil when that is not known.
    var observed: ObservedProxy?
    /// The number of the process that serves.
    var current: Int32 = 0
    /// Whether HAProxy ran before this process, and its counters were not read yet.
    var isAdopted = false
    /// The number of each backend, by which its statistics can be asked for alone.
    var backendNumbers: [String: Int] = [:]
    /// The processes that reloads have replaced, with what they still have.
    var old: [Int32: OldProcess] = [:]
    /// What processes that have ended since the last second had counted.
    var departed: [(process: Int32, rows: [StatRow])] = []
    /// How often in a row each pod that gets no more requests was seen without any.
    var idleReads: [String: Int] = [:]
    /// When the pods that get no more requests are looked at again.
    var nextDrainRead = TimeSpan.zero
    /// Whether there was something to look at before that.
    var isDrainReadLate = false
    /// Since when each pod gets no more requests.
    var drainingSince: [String: TimeSpan] = [:]
    /// The WebSockets of each pod that drains.
    var tunnels: [String: Int] = [:]
    var breaker = CircuitBreaker()
    /// The further tries of each server that the breaker knows of.
    var countedRetries: [ServerName: Int] = [:]
    /// How many requests a process could not log, as was told last.
    var lost = (process: Int32(0), count: 0)
    /// When more of them are told.
    var nextLossTold = TimeSpan.zero
    /// The last table, as it was applied.
    var table: EndpointTable?
    /// Until when routes are not served, because another program has a public port of the node: services are, all the same.
    var routesRestUntil: TimeSpan?
    /// The configuration that HAProxy did not take, and when it is offered again.
    var refused: (mark: String, until: TimeSpan)?
    /// When HAProxy is to be spoken to again after it did not answer.
    var retryAt: TimeSpan?
    var nextSecond: Int64 = 0
    /// Why the configuration was loaded anew since the last event that told so.
    var reloaded: String?
    /// Whether a table was taken up that no event has told of yet.
    var hasNews = false
    /// The backends that have a circuit breaker.
    var guarded: [Backend] = []
    /// Whether what is told of pods may have changed.
    var hasChanged = true
    /// Whether there may be something to do for HAProxy.
    var isDirty = true
    /// Since when HAProxy does not answer.
    var silentSince: TimeSpan?
    /// Whether that was told.
    var isSilenceTold = false
    /// When the files are to hold what is desired now; nil when they do.
    var filesDueAt: TimeSpan?

    /// A process that finishes what it has.
    struct OldProcess {
        var since: TimeSpan
        var servers: [ServerName: ObservedServer] = [:]
        var rows: [StatRow] = []
    }

    init(_ options: HAProxyOptions, _ shared: DirectorState, _ program: SupervisedProgram) {
        self.options = options
        self.shared = shared
        self.program = program
        files = ProxyFiles(directory: options.directory, executable: options.executable)
        runtime = RuntimeSocket(path: "\(options.directory)/admin.sock")
        master = RuntimeSocket(path: "\(options.directory)/master.sock")
    }

    func run() {
        while let messages = shared.inbox.receiveAll(waiting: wait()) {
            for message in messages { take(message) }
            if let table = shared.takePending() { take(table) }
            guard desired != nil else { continue }
            tryRoutes()
            closeSecond()
            breakCircuits()
            if isDirty || retryAt.map({ $0 <= options.clock() }) ?? false { converge() }
            watchDrains()
            if hasChanged { publish() }
            if areFilesDue { writeFiles() }
        }
    }

    /// How long nothing happens by the passing of time alone.
    private func wait() -> TimeSpan {
        let now = options.clock()
        var until = TimeSpan.seconds(nextSecond)
        if !drainingSince.isEmpty || isDrainReadLate { until = min(until, max(nextDrainRead, now)) }
        if let retryAt { until = min(until, retryAt) }
        if let wake = breaker.wakeAt { until = min(until, wake) }
        if let due = filesDueAt, canWriteFiles { until = min(until, due) }
        return max(.milliseconds(1), until - now)
    }

    private func take(_ message: DirectorState.Message) {
        switch message {
        case .wake: break
        case .records(let records):
            shared.statistics.change { statistics in
                for record in records { statistics.requests.note(record) }
            }
            let now = options.clock()
            if !guarded.isEmpty { for record in records { breaker.note(record, at: now) } }
        case .program(.running(let pid, let adopted)):
            isRunning = true
            isAdopted = adopted
            forget()
            shared.tell(.running(pid: pid, adopted: adopted))
        case .program(.ended(let reason, _)):
            isRunning = false
            hasEnded = true
            forget()
            restRoutes(reason)
            shared.tell(.ended(reason: reason))
        case .program(.stopped): isRunning = false
        }
    }

    /// Forgets what was observed: another process runs, or none.
    private func forget() {
        observed = nil
        old = [:]
        retryAt = nil
        isDirty = true
    }

    /// Leaves routes out for a while when their port is what HAProxy cannot have; another table would fail for it too.
    ///
    /// - Returns: whether they were served before.
    @discardableResult
    func restRoutes(_ reason: String) -> Bool {
        let isOfRoutes = [ProxyName.plainRoutes, ProxyName.secureRoutes].contains { reason.contains("frontend \($0)") }
        guard isOfRoutes, routesRestUntil == nil, let table else { return false }
        routesRestUntil = options.clock() + .minutes(1)
        take(table)
        guard let desired else { return false }
        // What HAProxy is started with next has to be one that it can run.
        if !isRunning { try? files.propose(desired) }
        return true
    }

    /// Serves routes again, if their ports are free now.
    func tryRoutes() {
        guard let until = routesRestUntil, until <= options.clock(), let table else { return }
        routesRestUntil = nil
        take(table)
    }

    private func take(_ table: EndpointTable) {
        self.table = table
        var table = table
        if routesRestUntil != nil { (table.settings.httpPort, table.settings.httpsPort) = (nil, nil) }
        if table.settings.user == nil, options.hasUser { table.settings.user = options.user }
        let configuration = HAProxyConfiguration(table, directory: options.directory, after: desired)
        if configuration.table != desired?.table {
            hasNews = true
            filesDueAt = filesDueAt ?? options.clock() + Self.filePatience
        }
        desired = configuration
        guarded = configuration.backends.filter { $0.service.traffic.circuitBreaker != nil }
        isDirty = true
        shared.statistics.change { $0.requests.note(table) }
    }

    private func breakCircuits() {
        let changes = breaker.decide(guarded, at: options.clock())
        if !changes.isEmpty { shared.statistics.change { $0.requests.note(ejected: Set(breaker.ejected.keys)) } }
        for change in changes {
            isDirty = true
            shared.tell(
                .circuit(podUID: change.server.podUID, isOpen: change.isOpen, reason: change.reason))
        }
    }
}
