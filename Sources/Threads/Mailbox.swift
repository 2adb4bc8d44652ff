public import Model

/// A queue that threads wait on.
public final class Mailbox<Element: Sendable>: Sendable {
    private struct Content {
        var elements: [Element] = []
        var isClosed = false
    }
    private let content = Monitor(Content())

    /// Makes an empty queue.
    public init() {}

    /// Adds an element and wakes who waits; after `close` it is dropped.
    public func send(_ element: Element) {
        content.change { if !$0.isClosed { $0.elements.append(element) } }
    }

    /// Ends the queue: waiters get what is left, then nil.
    public func close() { content.change { $0.isClosed = true } }

    /// Waits for one element; nil once the queue is closed and empty.
    public func receive() -> Element? {
        content.wait { content -> Element?? in
            if !content.elements.isEmpty { return .some(content.elements.removeFirst()) }
            return content.isClosed ? .some(nil) : nil
        } ?? nil
    }

    /// Waits for elements until a length of time has passed, and takes all that are there.
    ///
    /// - Parameter limit: how long to wait; without end when nil.
    /// - Returns: the elements, none after the time; nil once the queue is closed and empty.
    public func receiveAll(waiting limit: TimeSpan?) -> [Element]? {
        let answer = content.wait(atMost: limit) { content -> [Element]?? in
            if !content.elements.isEmpty {
                defer { content.elements = [] }
                return .some(content.elements)
            }
            return content.isClosed ? .some(nil) : nil
        }
        return answer ?? []
    }
}

/// A flag that one thread waits for and others raise.
public final class WakeSignal: Sendable {
    private let isRaised = Monitor(false)

    /// Makes a signal that is not raised.
    public init() {}

    /// Raises the signal.
    public func raise() { isRaised.change { $0 = true } }

    /// Waits until the signal is raised or the time has passed, and lowers it.
    ///
    /// - Parameter limit: how long to wait; without end when nil.
    public func wait(atMost limit: TimeSpan?) {
        _ = isRaised.wait(atMost: limit) { isRaised -> Bool? in
            defer { isRaised = false }
            return isRaised ? true : nil
        }
    }
}
