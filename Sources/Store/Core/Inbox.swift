import Glibc

/// What waits for the draining thread.
struct Inbox: Sendable {
    /// A transaction that waits for its outcome.
    struct Request: Sendable {
        let transaction: StoreTransaction
        let completion: @Sendable (Result<StoreCommit, StoreError>) -> Void
    }

    /// One turn of the draining thread.
    enum Work {
        /// Commits these, with one fsync.
        case commit([Request])
        /// Gives a little of the forgotten history's space back.
        case settle
        /// Closes the journal and answers those who wait for it.
        case close([Promise<Void>])
    }

    /// How many transactions share an fsync at most: bounds what one failed batch repeats.
    static let batchLimit = 1024

    var requests: [Request] = []
    /// Whether forgotten history waits on the disk without a write to go with it.
    var mustSettle = false
    var closing: [Promise<Void>] = []
    /// Whether `close` was called: no more requests are taken.
    var isClosed = false
    /// Whether the journal is closed.
    var isFinished = false
    /// Whether a thread is draining, or is about to.
    var isDraining = false
    /// The thread that drains now.
    var drainer: pthread_t?

    /// Whether no transaction waits.
    var isIdle: Bool { requests.isEmpty }

    /// Takes the next work; nil, and the draining is over, when there is none. Writes go before housekeeping, and
    /// everything that was asked for before `close` goes before the closing.
    mutating func next() -> Work? {
        drainer = pthread_self()
        if !requests.isEmpty {
            let batch = Array(requests.prefix(Self.batchLimit))
            requests.removeFirst(batch.count)
            return .commit(batch)
        }
        if mustSettle { return .settle }
        if !closing.isEmpty {
            defer { closing = [] }
            return .close(closing)
        }
        isDraining = false
        drainer = nil
        return nil
    }
}
