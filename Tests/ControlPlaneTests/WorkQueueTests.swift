import Controllers
import Model
import Testing

@testable import ControlPlane

struct WorkQueueTests {
    private func key(_ name: String) -> WorkKey { .object(ObjectKey(.app, namespace: "shop", name: name)) }

    private func drain(_ queue: inout WorkQueue, now: Timestamp = start) -> [WorkKey] {
        var keys: [WorkKey] = []
        while let key = queue.next(now: now) { keys.append(key) }
        return keys
    }

    @Test func `keys come once each, in the order in which they became dirty`() {
        var queue = WorkQueue()
        for name in ["b", "a", "b", "c", "a"] { queue.add(key(name)) }
        #expect(queue.count == 3)
        #expect(drain(&queue) == [key("b"), key("a"), key("c")])
        queue.add(key("b"))
        #expect(drain(&queue) == [key("b")])
    }

    @Test func `a key that becomes dirty while it is worked on comes again, behind the others`() {
        var queue = WorkQueue()
        queue.add(key("a"))
        queue.add(key("b"))
        #expect(queue.next(now: start) == key("a"))
        queue.add(key("a"))
        #expect(drain(&queue) == [key("b"), key("a")])
    }

    @Test func `delayed keys come when their time has come, the earliest of several times counting`() {
        var queue = WorkQueue()
        queue.add(key("late"), at: start + .seconds(9))
        queue.add(key("a"), at: start + .seconds(5))
        queue.add(key("a"), at: start + .seconds(3))
        queue.add(key("a"), at: start + .seconds(7))
        #expect(queue.nextTime(now: start) == start + .seconds(3))
        #expect(drain(&queue) == [])
        #expect(drain(&queue, now: start + .seconds(8)) == [key("a")])
        #expect(queue.nextTime(now: start + .seconds(8)) == start + .seconds(9))
        #expect(drain(&queue, now: start + .seconds(9)) == [key("late")])
        #expect(queue.nextTime(now: start + .seconds(9)) == nil)
    }

    @Test func `waits are as long as they were when the clock is set back`() {
        var queue = WorkQueue()
        queue.add(key("a"), at: start + .seconds(5))
        queue.move(by: .hours(-24))
        let yesterday = start + .hours(-24)
        #expect(queue.nextTime(now: yesterday) == yesterday + .seconds(5))
        #expect(drain(&queue, now: yesterday) == [])
        #expect(drain(&queue, now: yesterday + .seconds(5)) == [key("a")])
    }

    @Test func `a key that fails waits longer each time, until it succeeds`() {
        var queue = WorkQueue(firstWait: .milliseconds(5), lastWait: .milliseconds(30))
        var now = start
        var waits: [Int64] = []
        for _ in 0..<5 {
            queue.retry(key("a"), now: now)
            guard let next = queue.nextTime(now: now) else { break }
            waits.append((next - now).wholeMilliseconds)
            now = next
            #expect(queue.next(now: now) == key("a"))
        }
        #expect(waits == [5, 10, 20, 30, 30])
        queue.succeed(key("a"))
        queue.retry(key("a"), now: now)
        #expect(queue.nextTime(now: now) == now + .milliseconds(5))
    }

    @Test func `many keys pass through without the queue growing`() {
        var queue = WorkQueue()
        for index in 0..<5000 {
            queue.add(key("\(index)"))
            queue.add(key("x\(index)"))
            #expect(queue.next(now: start) != nil)
        }
        #expect(queue.count == 5000)
        #expect(drain(&queue).count == 5000)
    }
}

struct RandomIDsTests {
    @Test func `uids are version 4 UUIDs and differ`() {
        let uids = (0..<200).map { _ in RandomIDs().uid() }
        #expect(Set(uids).count == 200)
        for uid in uids {
            let parts = uid.split(separator: "-")
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4")
            #expect(parts[3].first.map { "89ab".contains($0) } == true)
        }
    }

    @Test func `suffixes use the alphabet of names`() {
        let suffix = RandomIDs().suffix(500)
        #expect(suffix.count == 500)
        #expect(suffix.allSatisfy { Fingerprint.alphabet.contains($0) })
    }
}
