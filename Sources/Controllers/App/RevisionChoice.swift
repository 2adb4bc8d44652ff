import Model

/// The revision that an App's present spec asks for.
struct RevisionChoice: Hashable {
    /// The revision.
    let revision: Revision
    /// Whether it is new.
    let isNew: Bool
    /// Whether it is an older one that is used again, under a new number.
    let isRenumbered: Bool

    /// Finds the revision with a template, or makes it.
    ///
    /// Contents are compared, never hashes alone: where another revision already has the name that the hash gives, the
    /// hash is taken further until the name is free.
    init(_ template: PodTemplate, app: App, revisions: [Revision], now: Timestamp, ids: any IDSource) {
        let newest = revisions.map(\.spec.revision).max() ?? 0
        let same = revisions.filter { $0.spec.template == template }.max { $0.spec.revision < $1.spec.revision }
        if var same {
            isRenumbered = same.spec.revision < newest
            if isRenumbered { same.spec.revision = newest + 1 }
            (revision, isNew) = (same, false)
            return
        }
        var hash = Fingerprint(template.json.canonical.text())
        let taken = Set(revisions.map(\.name))
        while taken.contains("\(app.name)-\(hash.text)") { hash.combine("collision") }
        (isNew, isRenumbered) = (true, false)
        revision = Revision {
            $0.metadata.name = "\(app.name)-\(hash.text)"
            $0.metadata.namespace = app.namespace
            $0.metadata.uid = ids.uid()
            $0.metadata.generation = 1
            $0.metadata.creationTimestamp = now.wholeSeconds
            $0.metadata.labels = [WellKnown.appLabel: app.name]
            $0.metadata.ownerReferences = [app.controllerReference]
            $0.spec.revision = newest + 1
            $0.spec.templateHash = hash.text
            $0.spec.template = template
        }
    }
}

extension Revision {
    /// A new pod of this revision.
    func makePod(for app: App, taken: Set<String>, now: Timestamp, ids: any IDSource) -> Pod {
        var name = "\(self.name)-\(ids.suffix(5))"
        var tries = 0
        while taken.contains(name), tries < 20 {
            name = "\(self.name)-\(ids.suffix(5))"
            tries += 1
        }
        return Pod {
            $0.metadata.name = name
            $0.metadata.namespace = namespace
            $0.metadata.uid = ids.uid()
            $0.metadata.generation = 1
            $0.metadata.creationTimestamp = now.wholeSeconds
            $0.metadata.labels = app.metadata.labels.merging(spec.template.metadata.labels) { $1 }
            $0.metadata.labels[WellKnown.revisionLabel] = self.name
            $0.metadata.annotations = spec.template.metadata.annotations
            $0.metadata.ownerReferences = [controllerReference]
            $0.spec = spec.template.spec
            $0.status = PodStatus { $0.phase = "Pending" }
        }
    }

    /// Until when no pod is made, because pods of this revision ended; nil when they may be made.
    func heldUntil(now: Timestamp) -> Timestamp? {
        // A failure in the future was seen before the clock was set back: nobody knows how long ago it was.
        guard let failures = status?.failures, failures > 0, let last = status?.lastFailureTime, last <= now else {
            return nil
        }
        let until = last + Backoff.standard.wait(after: failures)
        return until > now ? until : nil
    }

    /// Remembers that pods ended. Failures count on while they follow each other within five minutes.
    mutating func recordFailure(now: Timestamp) {
        var observed = status ?? RevisionStatus()
        let isRecent = observed.lastFailureTime.map { now - $0 < Backoff.memory } ?? false
        observed.failures = (isRecent ? observed.failures ?? 0 : 0) + 1
        observed.lastFailureTime = now
        status = observed
    }
}
