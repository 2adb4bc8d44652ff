/// Whether the revisions that writers were told respect real time, over all keys at once: a change that began after
/// another was acknowledged has the greater revision. Reads are held to it by `Linearizability`.
public enum RevisionOrder {
    /// Why the revisions cannot be those of one log; nil when they can.
    public static func violation(of operations: [Operation]) -> String? {
        let changes = operations.filter { $0.revision != nil && $0.hasChanged }
        return duplicate(in: changes) ?? regression(in: changes)
    }

    private static func duplicate(in changes: [Operation]) -> String? {
        var writers: [UInt64: Operation] = [:]
        for change in changes {
            guard let revision = change.revision else { continue }
            if let other = writers.updateValue(change, forKey: revision) {
                return "two changes were told revision \(revision):\n  \(other)\n  \(change)"
            }
        }
        return nil
    }

    private static func regression(in changes: [Operation]) -> String? {
        let answers = changes.sorted { ($0.answered ?? 0) < ($1.answered ?? 0) }
        var next = answers.startIndex
        var latest: Operation?
        for change in changes.sorted(by: { $0.called < $1.called }) {
            while next < answers.endIndex, (answers[next].answered ?? 0) < change.called {
                if (answers[next].revision ?? 0) > (latest?.revision ?? 0) { latest = answers[next] }
                next += 1
            }
            guard let latest, let before = latest.revision, let after = change.revision, after <= before else {
                continue
            }
            return "the revisions go back:\n  \(latest)\n  was answered before this was called:\n  \(change)"
        }
        return nil
    }
}

extension Operation {
    /// Whether it was answered that a change happened.
    fileprivate var hasChanged: Bool {
        guard answered != nil else { return false }
        switch effect {
        case .read: return false
        case .put: return true
        case .create(_, let verdict), .replace(_, let verdict), .swap(_, _, let verdict), .delete(let verdict),
            .deleteIf(_, let verdict):
            return verdict == .done
        }
    }
}
