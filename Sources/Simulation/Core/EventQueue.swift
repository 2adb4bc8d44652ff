import Model

/// What is to happen, by time; what is to happen at the same time happens in the order in which it was asked for.
struct EventQueue {
    private struct Entry {
        let time: TimeSpan
        let order: UInt64
        let body: () -> Void

        func precedes(_ other: Entry) -> Bool { time != other.time ? time < other.time : order < other.order }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    /// How many wait.
    var count: Int { heap.count }

    /// When the next is due.
    var nextTime: TimeSpan? { heap.first?.time }

    /// Has something happen at a moment.
    mutating func add(at time: TimeSpan, _ body: @escaping () -> Void) {
        order += 1
        heap.append(Entry(time: time, order: order, body: body))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the next; nil when nothing waits.
    mutating func take() -> (time: TimeSpan, body: () -> Void)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.body)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
