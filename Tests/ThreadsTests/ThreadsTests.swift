import Model
import Synchronization
import Testing
import Threads

@Test func `a joined thread has done its work`() throws {
    let count = Atomic(0)
    let threads = try (0..<8).map { _ in try Thread { count.add(1, ordering: .relaxed) } }
    for thread in threads { thread.join() }
    #expect(count.load(ordering: .relaxed) == 8)
}

@Test func `what several threads send arrives once and in each one's order`() throws {
    let mailbox = Mailbox<(sender: Int, number: Int)>()
    let senders = try (0..<4).map { sender in
        try Thread { for number in 0..<500 { mailbox.send((sender, number)) } }
    }
    for sender in senders { sender.join() }
    mailbox.close()
    var last = [Int](repeating: -1, count: 4)
    var count = 0
    while let message = mailbox.receive() {
        #expect(message.number == last[message.sender] + 1)
        last[message.sender] = message.number
        count += 1
    }
    #expect(count == 2000)
}

@Test func `a closed mailbox gives what is left and then ends`() {
    let mailbox = Mailbox<Int>()
    mailbox.send(1)
    mailbox.send(2)
    mailbox.close()
    mailbox.send(3)
    #expect(mailbox.receiveAll(waiting: nil) == [1, 2])
    #expect(mailbox.receiveAll(waiting: .seconds(60)) == nil)
    #expect(mailbox.receive() == nil)
}

@Test func `an empty mailbox gives nothing after the time`() {
    #expect(Mailbox<Int>().receiveAll(waiting: .milliseconds(1)) == [])
}

@Test func `a raised signal lets one wait pass`() throws {
    let signal = WakeSignal()
    signal.raise()
    signal.wait(atMost: nil)
    let thread = try Thread { signal.raise() }
    signal.wait(atMost: nil)
    thread.join()
    signal.wait(atMost: .zero)
}

@Test func `a monitor answers as soon as the value allows it`() throws {
    let monitor = Monitor(0)
    let thread = try Thread { for _ in 0..<100 { monitor.change { $0 += 1 } } }
    #expect(monitor.wait { $0 == 100 ? $0 : nil } == 100)
    thread.join()
    #expect(monitor.wait(atMost: .milliseconds(1)) { $0 == 101 ? $0 : nil } == nil)
}

@Test func `the monotonic clock does not run backwards`() {
    let first = MachineClock.monotonic
    #expect(MachineClock.monotonic >= first)
    #expect(MachineClock.wall.seconds > 1_700_000_000)
}
