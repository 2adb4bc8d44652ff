import Linux
import Model
import Proxy
import Threads

extension ProxyLoop {
    /// Ends a second: reads all counters, which also corrects what was believed of servers.
    func closeSecond() {
        let now = options.clock().wholeSeconds
        guard now >= nextSecond else { return }
        nextSecond = now + 1
        isDirty = true
        var processes: [(process: Int32, rows: [StatRow])] = []
        if isRunning, observed != nil {
            do {
                try noteProcesses()
                let rows = StatTable.rows(try runtime.ask(RuntimeCommand.showStatistics))
                observed?.note(rows)
                noteNumbers(rows)
                noteRetries(rows)
                noteLost(ObservedProxy.lostRequests(try runtime.text(RuntimeCommand.showInformation)) ?? 0)
                noteIdle(rows)
                processes = departed + old.map { ($0.key, $0.value.rows) }.sorted { $0.0 < $1.0 }
                departed = []
                processes.append((current, rows))
                if isAdopted { begin(processes) }
            } catch {
                observed = nil
            }
        }
        shared.statistics.change { statistics in
            statistics.requests.close(second: now, processes)
            statistics.second = now
        }
        shared.content.change { $0.changes += 1 }
    }

    /// Counts begin with what HAProxy has served already.
    private func begin(_ processes: [(process: Int32, rows: [StatRow])]) {
        isAdopted = false
        shared.statistics.change { statistics in
            for (process, rows) in processes { statistics.requests.begin(process: process, rows) }
        }
    }

    /// Has the breaker know of errors that a further try has hidden.
    private func noteRetries(_ rows: [StatRow]) {
        let now = options.clock()
        var counted: [ServerName: Int] = [:]
        for row in rows {
            guard let server = row.server else { continue }
            let name = ServerName(row.backend, server)
            let count = row[.retries] + row[.redispatches]
            counted[name] = count
            let grown = count - (countedRetries[name] ?? 0)
            if countedRetries[name] != nil, grown > 0 { breaker.note(name, errors: grown, successes: 0, at: now) }
        }
        countedRetries = counted
    }

    /// Tells of requests that are in no count: once a minute while there are some.
    private func noteLost(_ count: Int) {
        if lost.process != current { lost = (current, 0) }
        let now = options.clock()
        guard count > lost.count, now >= nextLossTold else { return }
        nextLossTold = now + .minutes(1)
        let grown = count - lost.count
        shared.tell(.uncounted(reason: "the lines of \(grown) were lost, because nobody read them in time"))
        lost.count = count
    }

    /// Counts how often in a row each pod that gets no more requests was seen without any. Once is not enough: a request may
    /// have been given to the pod in the instant before and not be counted yet.
    private func noteIdle(_ rows: [StatRow]) {
        var isIdle: [String: Bool] = [:]
        for row in rows {
            guard let pod = row.server else { continue }
            let isOut = ObservedServer.State(row.status) != .ready
            isIdle[pod] = (isIdle[pod] ?? true) && isOut && row[.inFlight] == 0 && row[.queued] == 0
        }
        for (pod, isIdle) in isIdle { idleReads[pod] = isIdle ? (idleReads[pod] ?? 0) + 1 : 0 }
    }

    /// Looks at the pods that get no more requests until they have none, and cuts what may not go on.
    func watchDrains() {
        guard let desired, let observed else { return }
        let now = options.clock()
        // Lines of the log come hundreds of times a second.
        isDrainReadLate = now < nextDrainRead
        if isDrainReadLate { return }
        nextDrainRead = now + .milliseconds(20)
        let ready = desired.readyPods
        let names = observed.servers.keys.filter { !ready.contains($0.podUID) }.sorted()
        let pods = Set(names.map(\.podUID))
        drainingSince = drainingSince.filter { pods.contains($0.key) }
        for pod in pods where drainingSince[pod] == nil { drainingSince[pod] = now }
        idleReads = idleReads.filter { pods.contains($0.key) }
        guard !names.isEmpty else { return }
        hasChanged = true
        do {
            try read(Set(names.map(\.backend)))
            if !old.isEmpty { try noteProcesses() }
            let idle = names.filter { self.observed?.servers[$0]?.isIdle == true }
            let isBusy = idle.count < names.count
            if idle.contains(where: { !desired.pods.contains($0.podUID) }) { isDirty = true }
            tunnels = isBusy ? ObservedProxy.tunnels(try runtime.text(RuntimeCommand.showTunnels)) : [:]
            try cut(names, desired, now)
        } catch {
            self.observed = nil
        }
    }

    /// Reads the counters of some backends.
    private func read(_ backends: Set<String>) throws(LinuxError) {
        let numbers = backends.compactMap { backendNumbers[$0] }.sorted()
        for line in RuntimeBatch.lines(numbers.map { "show stat \($0) 4 -1" }) {
            let answer = try runtime.text(line.joined(separator: "; "))
            let rows = (RuntimeBatch.answers(answer, count: line.count) ?? []).flatMap {
                StatTable.rows(Array($0.utf8))
            }
            for row in rows {
                guard let server = row.server else { continue }
                observed?.servers[ServerName(row.backend, server)]?.inFlight = row[.inFlight]
                observed?.servers[ServerName(row.backend, server)]?.queued = row[.queued]
            }
            noteIdle(rows)
        }
    }

    /// Cuts WebSockets when their time is over, and what a pod that is gone has left.
    private func cut(_ names: [ServerName], _ desired: HAProxyConfiguration, _ now: TimeSpan) throws(LinuxError) {
        let services = Dictionary(desired.backends.map { ($0.name, $0.service) }) { first, _ in first }
        var commands: [RuntimeCommand] = []
        for name in names {
            guard let server = observed?.servers[name], server.inFlight > 0 else { continue }
            let waited = now - (drainingSince[name.podUID] ?? now)
            guard desired.pods.contains(name.podUID), let service = services[name.backend] else {
                if waited >= .seconds(5) { commands.append(.cut(name)) }
                continue
            }
            let patience = service.traffic.webSocketDrain ?? service.drain
            let sockets = tunnels[name.podUID] ?? 0
            let areAlone = sockets >= server.inFlight
            if sockets > 0, waited >= (areAlone ? patience : service.longestDrain) { commands.append(.cut(name)) }
        }
        guard !commands.isEmpty else { return }
        try runtime.run(commands, directory: options.directory) { _, _ in }
    }

    /// Works out which pods get requests and which have some, and tells.
    func publish() {
        guard let desired else { return }
        hasChanged = false
        var busy = desired.readyPods
        guard let observed else {
            // Nothing is known: pods that were busy are so still, unless HAProxy does not run.
            if isRunning { busy.formUnion(shared.content.change { $0.busy }) }
            return shared.publish(
                serving: isRunning ? shared.content.change { $0.serving }.intersection(busy) : [], busy: busy,
                isKnown: !isRunning && hasEnded)
        }
        for (name, server) in observed.servers where server.state == .ready || (idleReads[name.podUID] ?? 0) < 2 {
            busy.insert(name.podUID)
        }
        let spread = desired.table.settings.closeSpread + .milliseconds(200)
        for process in old.values {
            // Until then this is looked at again.
            hasChanged = true
            // Clients that keep connections to it may send it more until it has closed them.
            let mayGetMore = options.clock() - process.since < spread
            for (name, server) in process.servers where mayGetMore || !server.isIdle { busy.insert(name.podUID) }
        }
        shared.publish(serving: serving(desired, observed), busy: busy, isKnown: true)
    }

    /// The pods that get requests on all their ports.
    private func serving(_ desired: HAProxyConfiguration, _ observed: ObservedProxy) -> Set<String> {
        var missing: Set<String> = []
        let ejected = breaker.ejected
        for backend in desired.backends {
            for endpoint in backend.endpoints where endpoint.phase == .ready {
                let name = ServerName(backend.name, endpoint.podUID)
                let isThere = observed.servers[name]?.state == .ready || ejected[name] == .out
                if !isThere { missing.insert(endpoint.podUID) }
            }
        }
        return missing.isEmpty ? desired.readyPods : desired.readyPods.subtracting(missing)
    }
}
