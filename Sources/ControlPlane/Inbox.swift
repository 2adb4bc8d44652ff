public import Controllers
public import Model
public import Store
import Synchronization

/// What reaches the engine from other threads: the store's changes and the answers of the image resolver.
///
/// Bounded: when too much lies in it, changes are dropped and the engine is told to read everything anew, which costs
/// time but loses nothing, because decisions are made from what is and not from what changed.
public final class Inbox: Sendable {
    enum Message: Sendable {
        case events([StoreEvent])
        case progress(StoreRevision)
        case ended(StoreError)
        case resolved(ImageRequest, ImageResolution)
    }
    private struct Content {
        var messages: [Message] = []
        var size = 0
        var hasOverflowed = false
    }
    private let content = Mutex(Content())
    private let limit: Int
    private let wake: @Sendable () -> Void

    /// Makes an empty inbox.
    ///
    /// - Parameters:
    ///   - limit: how many changes it holds before it drops them.
    ///   - wake: called after each delivery, from the delivering thread; must not block.
    public init(limit: Int = 100_000, wake: @escaping @Sendable () -> Void = {}) {
        self.limit = limit
        self.wake = wake
    }

    /// Takes what a store's watch tells.
    public func deliver(_ delivery: WatchDelivery) {
        switch delivery {
        case .events(let events): append(.events(events), size: events.count)
        case .progress(let revision): append(.progress(revision), size: 1)
        case .ended(let error): append(.ended(error), size: 0)
        }
    }

    /// Takes an answer of the image resolver.
    public func deliver(_ resolution: ImageResolution, to request: ImageRequest) {
        append(.resolved(request, resolution), size: 0)
    }

    private func append(_ message: Message, size: Int) {
        content.withLock {
            if $0.size + size > limit {
                $0.messages.removeAll { if case .resolved = $0 { false } else { true } }
                $0.size = 0
                $0.hasOverflowed = true
            } else {
                $0.messages.append(message)
                $0.size += size
            }
        }
        wake()
    }

    func drain() -> (messages: [Message], hasOverflowed: Bool) {
        content.withLock { content in
            defer { content = Content() }
            return (content.messages, content.hasOverflowed)
        }
    }
}

/// An image reference that an App wants resolved.
public struct ImageRequest: Hashable, Sendable {
    /// The App.
    public let app: ObjectKey
    /// The reference as its spec writes it.
    public let reference: String

    /// Makes a request.
    public init(app: ObjectKey, reference: String) {
        self.app = app
        self.reference = reference
    }
}
