import Failpoints
import Glibc
import Linux
import Model
import Proxy
import Threads

extension ProxyLoop {
    /// Brings HAProxy to what is desired, as far as that can be done now.
    func converge() {
        guard let desired else { return }
        hasChanged = true
        if !hasBegun { begin(desired) }
        guard isRunning, retryAt.map({ $0 <= options.clock() }) ?? true else { return }
        retryAt = nil
        isDirty = false
        do {
            if observed == nil { try observe() }
            (silentSince, isSilenceTold) = (nil, false)
            guard let observed else { return }
            let mayReload = refused.map { $0.mark != desired.mark || $0.until <= options.clock() } ?? true
            let change = RuntimeChange.plan(
                from: observed, to: desired, ejected: breaker.ejected, mayReload: mayReload)
            switch change {
            case .reload(let reason):
                try reload(desired, reason)
                // What is left to do is decided for the process that serves now.
                retryAt = options.clock()
            case .commands(let commands): try carryOut(commands, desired)
            }
        } catch {
            // HAProxy begins, or ends, or is busy; if it has ended that is told by who keeps it running.
            observed = nil
            let now = options.clock()
            let since = silentSince ?? now
            silentSince = since
            if now - since >= Self.patience, !isSilenceTold {
                isSilenceTold = true
                shared.tell(.refused(reason: "HAProxy has not answered for \(Self.patience): \(error)"))
            }
            retryAt = now + .milliseconds(20)
        }
    }

    /// How long HAProxy may take to begin to answer before that is told.
    private static let patience = TimeSpan.seconds(3)

    /// Begins to keep HAProxy running, with a configuration that it takes.
    private func begin(_ desired: HAProxyConfiguration) {
        do {
            try files.propose(desired)
        } catch {
            refuse(desired, "\((error as? ProxyFiles.Refusal)?.reason ?? "\(error)")")
            guard fileExists(files.configuration) else { return }
        }
        do {
            try program.start()
            hasBegun = true
        } catch {
            shared.tell(.ended(reason: "\(error)"))
        }
    }

    /// Asks the process that serves for everything.
    private func observe() throws(LinuxError) {
        var new = ObservedProxy(mark: ObservedProxy.mark(try runtime.text("show info")))
        let rows = StatTable.rows(try runtime.ask(RuntimeCommand.showStatistics))
        new.note(rows)
        noteNumbers(rows)
        for map in MapFile.Name.allCases {
            new.maps[map] = ObservedProxy.map(try runtime.text("show map \(options.directory)/\(map.rawValue)"))
        }
        observed = new
        try noteProcesses()
        if new.mark == desired?.mark, let desired { try files.accept(desired) }
    }

    func noteNumbers(_ rows: [StatRow]) {
        for row in rows where row.server == nil { backendNumbers[row.backend] = row[.proxyNumber] }
    }

    /// Notes which processes finish what they have.
    func noteProcesses() throws(LinuxError) {
        let processes = ProxyProcesses(try master.text("show proc"))
        let now = options.clock()
        current = processes.workers.first { !$0.isOld }?.pid ?? 0
        var present: [Int32: OldProcess] = [:]
        for process in processes.workers where process.isOld {
            present[process.pid] = old[process.pid] ?? OldProcess(since: now)
        }
        for (pid, process) in old where present[pid] == nil { departed.append((pid, process.rows)) }
        old = present
        try readOld()
    }

    /// Asks the processes that finish what they have for it.
    func readOld() throws(LinuxError) {
        for pid in old.keys.sorted() {
            let answer = try master.ask("@!\(pid) \(RuntimeCommand.showStatistics)")
            let rows = StatTable.rows(answer)
            // One that has ended meanwhile has no answer.
            guard !rows.isEmpty else {
                departed.append((pid, old.removeValue(forKey: pid)?.rows ?? []))
                continue
            }
            var seen = ObservedProxy()
            seen.note(rows)
            old[pid]?.servers = seen.servers
            old[pid]?.rows = rows
        }
    }

    private func carryOut(_ commands: [RuntimeCommand], _ desired: HAProxyConfiguration) throws(LinuxError) {
        var failures: [String] = []
        try runtime.run(commands, directory: options.directory) { command, failure in
            if let failure {
                if !RuntimeCommand.isBusy(failure) { failures.append("\(command): \(failure)") }
            } else {
                observed?.note(command)
            }
        }
        if !commands.isEmpty { failpoint(.proxyChanged) }
        if failures.isEmpty {
            guard hasNews, observed?.mark == desired.mark else { return }
            hasNews = false
            shared.tell(.applied(reloaded: reloaded))
            reloaded = nil
        } else {
            shared.tell(.refused(reason: "HAProxy refused \(failures.prefix(3).joined(separator: "; "))"))
            observed = nil
            retryAt = options.clock() + .milliseconds(500)
        }
    }

    /// How long the files may be behind. Where pods come and go quickly they are written once for many; HAProxy, should it die
    /// just then, is told at its start what it read too early.
    static let filePatience = TimeSpan.milliseconds(50)

    /// Whether what HAProxy would be started with again is that which it runs, but for pods and maps.
    var canWriteFiles: Bool { isRunning && observed != nil && observed?.mark == desired?.mark }

    var areFilesDue: Bool { canWriteFiles && filesDueAt.map { $0 <= options.clock() } ?? false }

    /// Has HAProxy start with the pods of now, should it have to.
    func writeFiles() {
        guard let desired else { return }
        do {
            try files.update(desired)
            filesDueAt = nil
        } catch {
            shared.tell(.refused(reason: "the files of HAProxy cannot be written: \(error)"))
            filesDueAt = options.clock() + .seconds(1)
        }
    }

    /// Loads the configuration anew, and waits until the new process serves or has failed.
    private func reload(_ new: HAProxyConfiguration, _ reason: String) throws(LinuxError) {
        do {
            try files.propose(new)
        } catch {
            return refuse(new, (error as? ProxyFiles.Refusal)?.reason ?? "\(error)")
        }
        let failures = ProxyProcesses(try master.text("show proc")).failedReloads
        // The process may be gone before it is asked again.
        let rows = StatTable.rows(try runtime.ask(RuntimeCommand.showStatistics))
        old[current] = OldProcess(since: options.clock(), rows: rows)
        _ = try master.text("reload")
        failpoint(.proxyReloading)
        let deadline = options.clock() + .seconds(10)
        while options.clock() < deadline {
            if let info = try? runtime.text("show info"), ObservedProxy.mark(info) == new.mark {
                refused = nil
                reloaded = reason
                observed = nil
                return
            }
            // While the master executes itself anew it does not answer.
            if let answer = try? master.text("show proc"), ProxyProcesses(answer).failedReloads > failures { break }
            poll(nil, 0, 5)
        }
        old[current] = nil
        try files.goBack()
        let complaint = ProxyFiles.complaint(lastWords)
        refuse(new, "HAProxy did not load the configuration: " + complaint)
        restRoutes(complaint)
    }

    private var lastWords: String { program.program.lastLines(20).joined(separator: "\n") }

    private func refuse(_ configuration: HAProxyConfiguration, _ reason: String) {
        let isNew = refused?.mark != configuration.mark
        refused = (configuration.mark, options.clock() + .seconds(10))
        if isNew { shared.tell(.refused(reason: reason)) }
    }
}
