import Testing

@testable import ContainerRuntime

@Suite struct PoolSizeTests {
    private let second: Int64 = 1_000_000_000

    private func size(least: Int = 2, most: Int = 5, taken: [Int64]) -> PoolSize {
        var size = PoolSize(least: least, most: most)
        for time in taken { size.take(at: time * second) }
        return size
    }

    @Test(arguments: [
        (taken: [] as [Int64], now: 0 as Int64, wanted: 2),
        (taken: [0], now: 1, wanted: 2),
        (taken: [0, 0, 1], now: 1, wanted: 3),
        (taken: [0, 0, 1, 1, 2, 2, 3], now: 3, wanted: 5),
        (taken: [0, 0, 1, 1], now: 29, wanted: 4),
        (taken: [0, 0, 1, 1], now: 30, wanted: 2),
        (taken: [0, 1, 2, 3], now: 31, wanted: 2),
        (taken: [0, 1, 2, 3], now: 1000, wanted: 2),
    ])
    func `as many are wanted as were taken within half a minute, within bounds`(
        _ example: (taken: [Int64], now: Int64, wanted: Int)
    ) {
        #expect(size(taken: example.taken).wanted(at: example.now * second) == example.wanted)
    }

    @Test func `it is known when fewer will be wanted`() {
        let size = size(taken: [0, 1, 2])
        #expect(size.nextDecrease(after: 3 * second) == 30 * second)
        #expect(size.wanted(at: 30 * second) < size.wanted(at: 30 * second - 1))
        #expect(size.nextDecrease(after: 31 * second) == nil)
        #expect(self.size(taken: []).nextDecrease(after: 0) == nil)
    }

    @Test func `others are made a little after one was taken, and at once when few are left`() {
        let size = size(taken: [0, 0, 1, 1])
        let now = 1 * second
        #expect(size.refillTime(ready: 3, at: now) == now + PoolSize.rest)
        #expect(size.refillTime(ready: 2, at: now) == now + PoolSize.rest)
        #expect(size.refillTime(ready: 1, at: now) == now)
        #expect(self.size(taken: []).refillTime(ready: 0, at: now) == now)
    }

    @Test func `a pool of none stays one`() {
        let size = size(least: 0, most: 0, taken: [0, 0, 0])
        #expect(size.wanted(at: 0) == 0)
        #expect(size.nextDecrease(after: 0) == nil)
    }

    @Test func `the least is never above the most`() {
        #expect(PoolSize(least: 4, most: 1).wanted(at: 0) == 4)
        #expect(PoolSize(least: 4, most: 1).most == 4)
    }
}
