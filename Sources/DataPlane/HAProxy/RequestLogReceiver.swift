import CLinux
import Glibc
import Linux
import Proxy
import Threads

/// Reads the lines that HAProxy writes about requests: its standard output, a pipe in which they wait while nobody reads.
final class RequestLogReceiver: Sendable {
    private let wake: Pipe
    private let deliver: @Sendable ([RequestRecord]) -> Void
    private let content = Monitor(Content())
    /// How many milliseconds lines may gather: under load there are tens of thousands in a second, and waking for each would take
    /// more of the machine than reading them.
    private static let gathering: Int32 = 50

    private struct Content {
        var thread: Thread?
        var isOver = false
        /// Pipes that the thread has not taken up yet.
        var opened: [Int32] = []
    }

    /// Prepares; `start` begins to read.
    ///
    /// - Parameter deliver: gets the requests, many at once, on the reading thread.
    init(deliver: @escaping @Sendable ([RequestRecord]) -> Void) throws(LinuxError) {
        self.deliver = deliver
        wake = try Pipe()
        try setNonBlocking(wake.reading)
    }

    deinit { wake.close() }

    func start() throws(ThreadError) {
        let thread = try Thread { [self] in run() }
        content.change { $0.thread = thread }
    }

    /// Reads what a process writes, from now until it and all who share its output have ended.
    func follow(_ pid: Int32) throws(LinuxError) {
        let output = try RunningProgram.openOutput(pid: pid)
        content.change { $0.opened.append(output) }
        _ = write(wake.writing, [1], 1)
    }

    /// Ends the thread; what HAProxy writes from now on waits for the next reader.
    func stop() {
        let thread = content.change { content in
            content.isOver = true
            return content.thread.take()
        }
        _ = write(wake.writing, [1], 1)
        thread?.join()
    }

    private func run() {
        var outputs: [RequestOutput] = []
        while true {
            let (isOver, opened) = content.change { content in
                defer { content.opened = [] }
                return (content.isOver, content.opened)
            }
            outputs += opened.map { RequestOutput($0) }
            if isOver { break }
            // Not epoll(7): it would be called back for each line also while nobody waits.
            var requests = ([wake.reading] + outputs.map(\.descriptor)).map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            _ = poll(&requests, nfds_t(requests.count), -1)
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(wake.reading, &bytes, bytes.count) > 0 {}
            let ready = zip(outputs, requests.dropFirst()).filter { $0.1.revents != 0 }.map(\.0)
            for output in ready {
                let (records, isOpen) = output.receive()
                if !records.isEmpty { deliver(records) }
                if !isOpen { outputs.removeAll { $0 === output } }
            }
            if !ready.isEmpty { poll(nil, 0, Self.gathering) }
        }
    }
}

/// What one HAProxy writes. For one thread.
private final class RequestOutput {
    let descriptor: Int32
    private var reader = RequestLogReader()
    /// Room for all that the pipe can hold: lines are written whole (pipe(7), `PIPE_BUF`), so that what is read ends with one, and
    /// the next process that reads begins with one.
    private let buffer: UnsafeMutableRawBufferPointer

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        let room = linux_pipe_room(descriptor)
        buffer = .allocate(byteCount: max(65_536, Int(room)), alignment: 16)
    }

    deinit {
        buffer.deallocate()
        close(descriptor)
    }

    /// What has come, and whether there can be more.
    func receive() -> (records: [RequestRecord], isOpen: Bool) {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count < 0 { return ([], errno == EAGAIN || errno == EINTR) }
        return (reader.take(UnsafeRawBufferPointer(rebasing: buffer[..<count])), count > 0)
    }
}
