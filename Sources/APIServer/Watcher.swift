import HTTP
import Model
import Store
import Synchronization
import Wire

/// What one watch wants to see.
struct WatchOptions: Sendable {
    var type: ResourceType
    var selection: Selection
    var view: ObjectView
    /// Whether the client understands bookmarks.
    var wantsBookmarks: Bool
    /// After how many seconds the watch ends.
    var timeoutSeconds: Int
}

/// One open watch: a bounded queue between the store's thread and the hub's, and the stream behind it.
final class Watcher: Sendable {
    /// Something to write.
    private enum Item {
        case initial(ArraySlice<StoredObject>)
        case endOfInitial(StoreRevision)
        case events(ArraySlice<StoreEvent>)
        case ended(StoreError)

        var eventCount: Int { if case .events(let events) = self { events.count } else { 0 } }
    }

    /// How far writing an item came.
    private enum Progress {
        case done
        /// The client has not read enough yet to be sent the rest.
        case left(Item)
        case over
    }

    private struct Content {
        var queue: [Item] = []
        var queued = 0
        var revision: StoreRevision
        var sentRevision: StoreRevision
        var stream: (any HTTPStream)?
        var storeWatch: (any StoreWatch)?
        /// The hub has been told, or will be once the client has read more.
        var isScheduled = false
        /// The client has to read before it is sent anything.
        var isWaitingForRoom = false
        var isClosed = false
        var nextBookmark: TimeSpan
        let deadline: TimeSpan
    }

    private static let bookmarkInterval = TimeSpan.seconds(60)

    /// The revision that a resumed watch goes on from. A client that was cut off in the middle of a transaction's changes names
    /// the same revision as one that has seen all of them, so they are told once more - unless there is one only.
    private let resumed: StoreRevision?
    private let hub: WatchHub
    private let options: WatchOptions
    private let content: Mutex<Content>

    init(_ hub: WatchHub, _ options: WatchOptions, from revision: StoreRevision, resumed: StoreRevision? = nil) {
        self.resumed = resumed
        self.hub = hub
        self.options = options
        let now = hub.monotonic()
        content = Mutex(
            Content(
                revision: revision, sentRevision: revision, nextBookmark: now + Self.bookmarkInterval,
                deadline: now + .seconds(Int64(options.timeoutSeconds))))
    }

    /// Queues the objects that the watch begins with.
    func begin(with objects: [StoredObject], endMark: StoreRevision?) {
        content.withLock { content in
            content.queue.append(.initial(objects[...]))
            if let endMark { content.queue.append(.endOfInitial(endMark)) }
        }
    }

    /// How many events wait.
    var queued: Int { content.withLock { $0.queue.reduce(0) { $0 + $1.eventCount } } }

    /// Takes a delivery of the store; returns at once.
    func take(_ delivery: WatchDelivery) {
        let mustWake = content.withLock { content in
            guard !content.isClosed else { return false }
            switch delivery {
            case .progress(let revision):
                content.revision = max(content.revision, revision)
                return false
            case .events(let all):
                let again = all.prefix { $0.object.revision == resumed }
                let isTold = again.count(where: { visible($0) != nil }) < 2
                let events = isTold ? all[again.endIndex...] : all[...]
                if events.isEmpty { return false }
                content.queued += events.count
                if content.queued > hub.serving.maximumQueued {
                    content.queue = [.ended(.expired(oldest: content.revision))]
                } else {
                    content.queue.append(.events(events))
                    if let last = events.last { content.revision = max(content.revision, last.object.revision) }
                }
            case .ended(let error): content.queue.append(.ended(error))
            }
            defer { content.isScheduled = true }
            return !content.isScheduled && content.stream != nil
        }
        if mustWake { hub.wake(self) }
    }

    /// Connects both ends; what was queued meanwhile is written.
    func connect(_ stream: any HTTPStream, _ watch: any StoreWatch) {
        content.withLock { content in
            content.stream = stream
            content.storeWatch = watch
            content.isScheduled = true
        }
        stream.onClose { [weak self] in self?.end() }
        // Where the client was gone before the hub knew of it, nobody would take it out again.
        if !hub.add(self) || content.withLock({ $0.isClosed }) { end() }
    }

    /// Writes what is queued, as much as the client has room for; called by the hub's thread only.
    func write() {
        let (items, stream) = takeQueue()
        guard let stream else { return }
        for (index, item) in items.enumerated() {
            switch write(item, to: stream) {
            case .done: continue
            case .left(let rest): return putBack([rest] + items[(index + 1)...], until: stream)
            case .over: return end()
            }
        }
    }

    private func takeQueue() -> ([Item], (any HTTPStream)?) {
        content.withLock { content in
            guard !content.isWaitingForRoom, !content.isClosed else { return ([], nil) }
            defer {
                content.queue = []
                content.queued = 0
                content.isScheduled = false
            }
            return (content.queue, content.stream)
        }
    }

    /// Keeps what the client has no room for until it has read half of what waits for it.
    private func putBack(_ items: [Item], until stream: any HTTPStream) {
        content.withLock { content in
            guard !content.isClosed else { return }
            content.queue = items + content.queue
            content.queued += items.reduce(0) { $0 + $1.eventCount }
            content.isScheduled = true
            content.isWaitingForRoom = true
        }
        stream.whenRoom(below: hub.serving.backlogMark / 2) { [weak self] in
            guard let self else { return }
            content.withLock { $0.isWaitingForRoom = false }
            hub.wake(self)
        }
    }

    /// Ends the watch: from the client's side, the server's, or because its time is over.
    func end() {
        let (stream, watch) = content.withLock { content in
            defer {
                content.isClosed = true
                content.queue = []
                content.stream = nil
                content.storeWatch = nil
            }
            return (content.stream, content.storeWatch)
        }
        watch?.cancel()
        stream?.finish()
        hub.remove(self)
    }

    /// When a bookmark or the end is due.
    var nextDeadline: TimeSpan { content.withLock { min($0.deadline, $0.nextBookmark) } }

    /// Sends a bookmark or ends the watch when that is due, and returns when to look again.
    func serveDeadline(now: TimeSpan) -> TimeSpan? {
        let (bookmark, isOver, next) = content.withLock { content -> (StoreRevision?, Bool, TimeSpan) in
            let isOver = now >= content.deadline
            // A bookmark must not overtake events that wait in the queue.
            let isIdle = content.queue.isEmpty && options.wantsBookmarks && content.stream != nil
            var bookmark: StoreRevision?
            if isIdle, isOver || now >= content.nextBookmark, content.revision > content.sentRevision {
                bookmark = content.revision
                content.sentRevision = content.revision
            }
            if now >= content.nextBookmark { content.nextBookmark = now + Self.bookmarkInterval }
            return (bookmark, isOver, min(content.deadline, content.nextBookmark))
        }
        if let bookmark, let stream = content.withLock({ $0.stream }) { writeBookmark(bookmark, to: stream) }
        guard !isOver else {
            end()
            return nil
        }
        return next
    }

    private func write(_ item: Item, to stream: any HTTPStream) -> Progress {
        switch item {
        case .initial(var objects):
            while let object = objects.first {
                guard stream.backlogBytes < hub.serving.backlogMark else { return .left(.initial(objects)) }
                objects.removeFirst()
                guard options.selection.matches(object.document) else { continue }
                guard stream.write(bytes(.added, object)) else { return .over }
            }
        case .endOfInitial(let revision): writeBookmark(revision, endsInitialEvents: true, to: stream)
        case .events(var events):
            while let first = events.first {
                guard stream.backlogBytes < hub.serving.backlogMark else { return .left(.events(events)) }
                let commit = events.prefix { $0.object.revision == first.object.revision }
                events = events.dropFirst(commit.count)
                guard write(commit, to: stream) else { return .over }
            }
        case .ended(let error):
            let status = APIServer.status(error).document.serialized()
            stream.write(WireEncoding.watchEvent(.error, object: status))
            return .over
        }
        return .done
    }

    /// Writes the changes of one transaction in one piece: a watch that ends between them could not be taken up again
    /// without losing the rest, since they have one revision. Returns false when the client is gone.
    private func write(_ commit: ArraySlice<StoreEvent>, to stream: any HTTPStream) -> Bool {
        let shown = commit.compactMap(visible)
        guard let last = shown.last else { return true }
        guard stream.write(shown.count == 1 ? bytes(last.0, last.1) : shown.flatMap { bytes($0.0, $0.1) }) else {
            return false
        }
        content.withLock { $0.sentRevision = max($0.sentRevision, last.1.revision) }
        return true
    }

    private func bytes(_ type: WatchEventType, _ object: StoredObject) -> [UInt8] {
        hub.encoder.event(type, object, options.view, now: hub.clock())
    }

    private func writeBookmark(
        _ revision: StoreRevision, endsInitialEvents: Bool = false, to stream: any HTTPStream
    ) {
        var object = WireEncoding.bookmark(options.type, revision: revision, endsInitialEvents: endsInitialEvents)
        if options.view.form == .table {
            object = Table.document(
                of: [object], type: options.type, metadata: WireEncoding.listMetadata(revision: revision),
                policy: .metadata, now: hub.clock())
            // Without cells: there is nothing to show, only how far the watch has come.
            object["rows"] = [
                [
                    "cells": [],
                    "object": Table.partialMetadata(of: [
                        "metadata": [
                            "resourceVersion": .string(String(revision))
                        ]
                    ]),
                ]
            ]
        }
        stream.write(WireEncoding.watchEvent(.bookmark, object: object.serialized()))
    }

    /// What a change is to somebody who sees only what is selected: an object that comes to match is added, one that no
    /// longer matches is deleted.
    private func visible(_ event: StoreEvent) -> (WatchEventType, StoredObject)? {
        let matches = options.selection.matches(event.object.document)
        let matched = event.previous.map { options.selection.matches($0.document) } ?? false
        switch (event.change, matched, matches) {
        case (.deleted, true, _), (.deleted, _, true): return (.deleted, event.object)
        case (.deleted, false, false): return nil
        case (_, false, true): return (.added, event.object)
        case (_, true, true): return (.modified, event.object)
        case (_, false, false): return nil
        case (_, true, false):
            guard let previous = event.previous else { return nil }
            var last = previous.document
            last["metadata"]?["resourceVersion"] = .string(String(event.object.revision))
            return (.deleted, StoredObject(key: previous.key, revision: event.object.revision, document: last))
        }
    }
}
