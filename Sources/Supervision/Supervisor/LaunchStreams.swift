import CLinux
import Glibc
import Linux

/// The standard streams of a process: the ends that it gets, and the ends that stay here. What nobody has taken over is
/// closed with this object.
final class LaunchStreams {
    /// Standard input, output and error of the process.
    private(set) var process: (Int32, Int32, Int32) = (-1, -1, -1)
    /// The other ends of those that are pipes: of standard input when it is connected, of output and of error.
    private var own: [Int32] = []
    /// How the controlling side of the terminal comes.
    private(set) var terminalSocket: (own: Int32, process: Int32)?

    /// Makes pipes, or prepares for a terminal. Standard input is empty unless it is connected.
    init(terminal: Bool, stdin: Bool = false) throws(LinuxError) {
        if terminal {
            let null = try Self.openNull()
            process = (null, null, null)
            let pair = try UnixSocket.pair()
            terminalSocket = (pair.0, pair.1)
            return
        }
        if stdin {
            let input = try Pipe()
            process.0 = input.reading
            own.append(input.writing)
        } else {
            process.0 = try Self.openNull()
        }
        let output = try Pipe()
        process.1 = output.writing
        own.append(output.reading)
        let error = try Pipe()
        process.2 = error.writing
        own.append(error.reading)
    }

    deinit {
        closeProcessSide()
        for descriptor in own { close(descriptor) }
    }

    /// The supervisor's own: what is called /dev/null in an image could be anything.
    private static func openNull() throws(LinuxError) -> Int32 {
        try Descriptor(opening: "/dev/null", flags: O_RDWR).release()
    }

    /// Hands over the first of the ends that stay here.
    func takeOwn() -> Int32 { own.removeFirst() }

    /// Hands over all of them.
    func takeAllOwn() -> [Int32] {
        defer { own = [] }
        return own
    }

    /// Closes the ends that the process has by now.
    func closeProcessSide() {
        for descriptor in Set([process.0, process.1, process.2]) where descriptor >= 0 { close(descriptor) }
        process = (-1, -1, -1)
        if let terminalSocket {
            close(terminalSocket.process)
            close(terminalSocket.own)
        }
        terminalSocket = nil
    }

    /// The controlling side of the terminal, which a started process has sent.
    func receiveTerminal() -> Int32? {
        guard let terminalSocket else { return nil }
        guard let (_, descriptors) = try? FrameSocket.receive(terminalSocket.own) else { return nil }
        return descriptors.first
    }
}
