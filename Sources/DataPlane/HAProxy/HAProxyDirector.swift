import Glibc
public import Linux
public import Model
public import Proxy
import Synchronization
import Threads

/// Puts endpoint tables into effect with HAProxy, keeps it running, and counts requests.
///
/// One thread decides and speaks to HAProxy; one reads what it writes of requests; one keeps it running. HAProxy goes on when this process
/// ends, and the next one takes it over as it is.
public final class HAProxyDirector: TrafficDirector {
    private let options: HAProxyOptions
    private let shared: DirectorState
    private let program: SupervisedProgram
    private let receiver: RequestLogReceiver
    private let thread = Monitor<Thread?>(nil)

    /// Prepares the files; `start` begins.
    public init(_ options: HAProxyOptions) throws {
        guard options.directory.utf8.count <= 80 else {
            throw HAProxyOptionsError(
                description: "\(options.directory) is too long a path for the sockets of the load balancer; "
                    + "choose a directory of at most 80 bytes")
        }
        guard options.isInstalled else {
            throw HAProxyOptionsError(description: "\(options.executable) is not there; install the package haproxy")
        }
        self.options = options
        let shared = DirectorState()
        self.shared = shared
        let files = ProxyFiles(directory: options.directory, executable: options.executable)
        try files.prepare()
        let receiver = try RequestLogReceiver { shared.inbox.send(.records($0)) }
        self.receiver = receiver
        program = try SupervisedProgram(options.program, clock: options.clock) { event in
            if case .running(let pid, _) = event { receiver.follow(pid, telling: shared) }
            shared.inbox.send(.program(event))
        }
    }

    /// Begins. HAProxy is started, or taken over, with the first table.
    public func start() throws {
        try receiver.start()
        let deciding = try Thread { [self] in
            ProxyLoop(options, shared, program).run()
        }
        thread.change { $0 = deciding }
    }

    /// Ends the threads of this process; HAProxy goes on.
    public func leave() {
        finishThreads()
        program.leave()
    }

    /// Ends HAProxy: it finishes what it has for a time, and then it is stopped.
    public func stop(finishing patience: TimeSpan = .seconds(5)) {
        finishThreads()
        program.stop([StopSignal(SIGUSR1, patience: patience), StopSignal(SIGTERM, patience: .seconds(5))])
    }

    /// Ends the HAProxy that an earlier process left running, and what it serves; nothing happens when there is none.
    public static func end(_ options: HAProxyOptions) throws(LinuxError) { try options.program.end() }

    private func finishThreads() {
        shared.inbox.close()
        let deciding = thread.change { thread in
            defer { thread = nil }
            return thread
        }
        deciding?.join()
        receiver.stop()
    }

    /// Sets what is to be in effect. Only whole tables: a service or a pod that is missing is taken out.
    public func apply(_ table: EndpointTable) { shared.apply(table) }
    /// Whether a pod gets requests on all of its ports.
    public func isServing(_ podUID: String) -> Bool { shared.content.change { $0.serving.contains(podUID) } }
    /// Whether a pod gets no more requests and has none. No pod does before it is known what HAProxy does, after a restart of the
    /// agent above all.
    public func isDrained(_ podUID: String) -> Bool {
        shared.content.change { $0.isKnown && !$0.busy.contains(podUID) }
    }
    /// Has a function told of what happens, on the thread that decides.
    public func observe(_ observer: @escaping @Sendable (TrafficEvent) -> Void) {
        shared.content.change { $0.observers.append(observer) }
    }

    /// Waits until a question has an answer, asked again after every change.
    ///
    /// - Returns: the answer; nil after the time.
    public func wait<Answer>(atMost limit: TimeSpan, _ question: @escaping () -> Answer?) -> Answer? {
        let deadline = options.clock() + limit
        while true {
            let seen = shared.content.change { $0.changes }
            if let answer = question() { return answer }
            let left = deadline - options.clock()
            guard left > .zero else { return nil }
            _ = shared.content.wait(atMost: left) { $0.changes != seen ? () : nil }
        }
    }

    /// What happened to the requests of an App in the last whole seconds, at most 900.
    public func traffic(
        namespace: String, app: String, port: String? = nil, side: ProxyName.Side? = nil, seconds: Int
    ) -> AppTraffic {
        shared.statistics.change { statistics in
            statistics.requests.summary(
                namespace: namespace, app: app, port: port, side: side, seconds: seconds, until: statistics.second)
        }
    }

    /// What happened to the requests of every App in the last whole seconds, at most 900.
    public func traffic(seconds: Int) -> [TrafficKey: TrafficSummary] {
        shared.statistics.change { $0.requests.summaries(seconds: seconds, until: $0.second) }
    }

    /// What happened to the requests of every App since this process began.
    public var trafficTotals: [TrafficKey: TrafficTotal] { shared.statistics.change { $0.requests.totals } }

    /// How many bytes the statistics take.
    public var statisticsBytes: Int { shared.statistics.change { $0.requests.bytes } }
}

extension RequestLogReceiver {
    /// Reads what a HAProxy writes; one that ends at once tells so itself.
    fileprivate func follow(_ pid: Int32, telling shared: DirectorState) {
        do {
            try follow(pid)
        } catch {
            guard error.errno == EINVAL else { return }
            shared.tell(.uncounted(reason: "the load balancer's output is no pipe"))
        }
    }
}

/// What the threads of a director share.
final class DirectorState: Sendable {
    enum Message: Sendable {
        case program(ProgramEvent)
        case records([RequestRecord])
        case wake
    }
    struct Content {
        /// A table that nobody has taken up yet.
        var pending: EndpointTable?
        /// The pods that get requests.
        var serving: Set<String> = []
        /// Whether it was seen what HAProxy does, or that it does nothing.
        var isKnown = false
        /// The pods that get requests, may get some, or have some in flight.
        var busy: Set<String> = []
        var observers: [@Sendable (TrafficEvent) -> Void] = []
        /// Counts what changed, for those who wait.
        var changes = 0
    }
    struct Statistics {
        /// What ended before this process began is the past.
        var requests = RequestStatistics(since: Int(MachineClock.wall.seconds))
        /// The last second that is whole.
        var second: Int64 = 0
    }
    let inbox = Mailbox<Message>()
    let content = Monitor(Content())
    let statistics = Monitor(Statistics())

    func apply(_ table: EndpointTable) {
        content.change {
            $0.pending = table
            $0.busy.formUnion(table.pods { $0.phase == .ready })
        }
        inbox.send(.wake)
    }

    func takePending() -> EndpointTable? {
        content.change { content in
            defer { content.pending = nil }
            return content.pending
        }
    }

    /// Sets which pods get requests and which are busy, and tells of the differences.
    func publish(serving: Set<String>, busy: Set<String>, isKnown: Bool) {
        let events = content.change { content -> [TrafficEvent] in
            let busy = busy.union(content.pending?.pods { $0.phase == .ready } ?? [])
            let began = serving.subtracting(content.serving).sorted().map { TrafficEvent.serving(podUID: $0) }
            let drained = content.busy.subtracting(busy).sorted().map { TrafficEvent.drained(podUID: $0) }
            if content.serving != serving || content.busy != busy || content.isKnown != isKnown { content.changes += 1 }
            content.serving = serving
            content.isKnown = content.isKnown || isKnown
            content.busy = busy
            return began + drained
        }
        for event in events { tell(event) }
    }

    func tell(_ event: TrafficEvent) {
        let observers = content.change { content in
            content.changes += 1
            return content.observers
        }
        for observer in observers { observer(event) }
    }
}
