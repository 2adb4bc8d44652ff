import Model

/// Why no revision can be made of the present spec yet.
struct Blocker: Hashable {
    let reason: String
    let message: String
    /// Whether somebody must act, as opposed to wait.
    let isFailure: Bool
}

/// The digests of a spec's images, as far as they are known.
struct ImageLookup: Hashable {
    /// What the App's status remembers from now on.
    private(set) var known: [ResolvedImage] = []
    /// References that must be looked up now.
    private(set) var wanted: [String] = []
    /// When a failed lookup is tried again.
    private(set) var retryAt: Timestamp?
    /// What stands in the way of a revision; nil when every digest is known.
    private(set) var blocker: Blocker?
    /// What containers write for each reference.
    private(set) var pinned: [String: String] = [:]

    init(_ references: [String], status: AppStatus, resolutions: [ImageResolution], now: Timestamp) {
        for reference in references {
            if reference.contains("@sha256:") {
                pinned[reference] = reference
                continue
            }
            var entry = status.images.first { $0.reference == reference }
            if let answer = resolutions.first(where: { $0.reference == reference }), entry == nil || entry?.error != nil
            {
                entry = ResolvedImage(answer, after: entry, now: now)
            }
            take(entry, for: reference, now: now)
        }
    }

    private mutating func take(_ entry: ResolvedImage?, for reference: String, now: Timestamp) {
        guard let entry else {
            wanted.append(reference)
            let message = "waiting for the digest of image \"\(reference)\""
            block(Blocker(reason: "ResolvingImage", message: message, isFailure: false))
            return
        }
        known.append(entry)
        guard let error = entry.error else {
            pinned[reference] = entry.digest.map { "\(reference)@\($0)" } ?? reference
            return
        }
        // A try in the future was made before the clock was set back.
        let tried = entry.time.flatMap { $0 <= now ? $0 : nil } ?? Timestamp(nanoseconds: 0)
        let retry = tried + Backoff.standard.wait(after: entry.attempts ?? 1)
        if retry <= now {
            wanted.append(reference)
        } else {
            retryAt = min(retryAt ?? retry, retry)
        }
        let message = "image \"\(reference)\" cannot be resolved: \(error)"
        block(Blocker(reason: "ImageUnavailable", message: message, isFailure: true))
    }

    /// Keeps the worst and, of equals, the first.
    private mutating func block(_ other: Blocker) {
        if blocker == nil || (other.isFailure && blocker?.isFailure == false) { blocker = other }
    }
}

extension ResolvedImage {
    fileprivate init(_ answer: ImageResolution, after previous: ResolvedImage?, now: Timestamp) {
        self.init()
        reference = answer.reference
        digest = answer.digest
        error = answer.error
        time = now
        if answer.error != nil { attempts = (previous?.attempts ?? 0) + 1 }
    }
}
