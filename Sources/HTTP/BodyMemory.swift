import Synchronization

/// How much the bodies of all requests that are being received may take together: their senders have not proved who they
/// are yet.
final class BodyMemory: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// Takes some bytes; false when there are not that many left.
    func take(_ bytes: Int) -> Bool {
        guard used.add(bytes, ordering: .relaxed).newValue <= limit else {
            give(back: bytes)
            return false
        }
        return true
    }

    /// Gives bytes back.
    func give(back bytes: Int) { used.subtract(bytes, ordering: .relaxed) }
}
