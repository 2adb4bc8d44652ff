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
        case initial([StoredObject], endMark: StoreRevision?)
        case events([StoreEvent])
        case ended(StoreError)
    }

    private struct Content {
        var queue: [Item] = []
        var queued = 0
        var revision: StoreRevision
        var sentRevision: StoreRevision
        var stream: (any HTTPStream)?
        var storeWatch: (any StoreWatch)?
        var isScheduled = false
        var isClosed = false
        var nextBookmark: Int64
        let deadline: Int64
    }

    /// How many events may wait for a watch before it is cut off: its client lists again.
    private static let maximumQueued = 20_000
    private static let bookmarkInterval: Int64 = 60_000_000_000

    private let hub: WatchHub
    private let options: WatchOptions
    private let content: Mutex<Content>

    init(_ hub: WatchHub, _ options: WatchOptions, from revision: StoreRevision) {
        self.hub = hub
        self.options = options
        let now = Alarm.now
        content = Mutex(
            Content(
                revision: revision, sentRevision: revision, nextBookmark: now + Self.bookmarkInterval,
                deadline: now + Int64(options.timeoutSeconds) * 1_000_000_000))
    }

    /// Queues the objects that the watch begins with.
    func begin(with objects: [StoredObject], endMark: StoreRevision?) {
        content.withLock { $0.queue.append(.initial(objects, endMark: endMark)) }
    }

    /// Takes a delivery of the store; returns at once.
    func take(_ delivery: WatchDelivery) {
        let mustWake = content.withLock { content in
            guard !content.isClosed else { return false }
            switch delivery {
            case .progress(let revision):
                content.revision = max(content.revision, revision)
                return false
            case .events(let events):
                content.queued += events.count
                if content.queued > Self.maximumQueued {
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
        if !hub.add(self) { end() }
    }

    /// Writes what is queued; called by the hub's thread only.
    func write() {
        let (items, stream) = content.withLock { content in
            defer {
                content.queue = []
                content.queued = 0
                content.isScheduled = false
            }
            return (content.queue, content.isClosed ? nil : content.stream)
        }
        guard let stream else { return }
        for item in items where !write(item, to: stream) { return end() }
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

    /// Sends a bookmark or ends the watch when that is due, and returns when to look again.
    func serveDeadline(now: Int64) -> Int64? {
        let (bookmark, isOver, next) = content.withLock { content -> (StoreRevision?, Bool, Int64) in
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

    private func write(_ item: Item, to stream: any HTTPStream) -> Bool {
        switch item {
        case .initial(let objects, let endMark):
            for object in objects where options.selection.matches(object.document) {
                guard stream.write(bytes(.added, object)) else { return false }
            }
            if let endMark { writeBookmark(endMark, endsInitialEvents: true, to: stream) }
        case .events(let events):
            for event in events {
                guard let (type, object) = visible(event) else { continue }
                guard stream.write(bytes(type, object)) else { return false }
                content.withLock { $0.sentRevision = max($0.sentRevision, object.revision) }
            }
        case .ended(let error):
            let status = APIServer.status(error).document.serialized()
            stream.write(WireEncoding.watchEvent(.error, object: status))
            return false
        }
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
