import Linux
import Testing

@testable import ContainerRuntime

@Suite struct UserRangesTests {
    @Test func `every pod has a range of its own, and the same one when it asks again`() throws {
        var ranges = UserRanges()
        var seen: Set<UserRange> = []
        for index in 0..<2000 {
            let (taken, again) = (ranges.take(for: "pod-\(index)"), ranges.take(for: "pod-\(index)"))
            let range = try #require(taken)
            #expect(range.first.isMultiple(of: UserRange.count))
            #expect(range.first >= UserRanges.firstID)
            #expect(UInt64(range.first) + UInt64(UserRange.count) <= 1 << 31)
            #expect(again == range)
            seen.insert(range)
        }
        #expect(seen.count == 2000)
    }

    @Test func `a range is free again once it is given back, and then the last one is taken, too`() {
        var ranges = UserRanges()
        for index in 0..<UserRanges.places { _ = ranges.take(for: "\(index)") }
        #expect(ranges.byPod.count == Int(UserRanges.places))
        let surplus = ranges.take(for: "one more")
        #expect(surplus == nil)
        let free = ranges.byPod["7"]
        ranges.giveBack("7")
        ranges.giveBack("nobody")
        let taken = ranges.take(for: "one more")
        #expect(free != nil && taken == free)
    }

    @Test func `ids that others give away are left to them`() throws {
        var alone = UserRanges()
        let first = alone.take(for: "web")
        let wanted = try #require(first)
        let text = "# a comment\nalice:100000:65536\nbob:\(wanted.first + 5):1\nbad:x:1\nempty:1:0\n"
        let foreign = UserRanges.subordinateIDs(text)
        #expect(foreign == [100_000...165_535, UInt64(wanted.first + 5)...UInt64(wanted.first + 5)])
        var ranges = UserRanges(foreign: foreign)
        let taken = ranges.take(for: "web")
        #expect(taken == UserRange(first: wanted.first + UserRange.count))
    }

    @Test(arguments: [("5.18.0-1-amd64", true), ("5.19.0", false), ("6.1.0-18-amd64", false), ("?", false)])
    func `a kernel that is too old says so`(release: String, isTooOld: Bool) {
        let problem = UserRanges.problem(ofKernel: release)
        #expect((problem != nil) == isTooOld)
        if isTooOld { #expect(problem?.contains(release) == true) }
    }

    @Test func `a range tells its ids on the node`() {
        let range = UserRange(first: 1 << 20)
        #expect("\(range)" == "1048576-1114111")
        #expect(range.onNode(65535) == 1_114_111)
    }
}
