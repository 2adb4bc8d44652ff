import CLinux
import Glibc
import Linux

/// The standard streams of a process: the ends that it gets, and the ends that stay here.
final class LaunchStreams {
    /// Standard input, output and error of the process.
    let process: (Int32, Int32, Int32)
    /// The other ends of those that are pipes: of standard input when it is connected, of output and of error.
    let own: [Int32]
    /// How the controlling side of the terminal comes.
    let terminalSocket: (own: Int32, process: Int32)?

    /// Makes pipes, or prepares for a terminal. Standard input is empty unless it is connected.
    init(terminal: Bool, stdin: Bool = false) throws(LinuxError) {
        // The supervisor's own: what is called /dev/null in an image could be anything.
        let null = try Descriptor(opening: "/dev/null", flags: O_RDWR).release()
        if terminal {
            let pair = try UnixSocket.pair()
            terminalSocket = (pair.0, pair.1)
            process = (null, null, null)
            own = []
            return
        }
        terminalSocket = nil
        let output = try Pipe()
        let error = try Pipe()
        guard stdin else {
            process = (null, output.writing, error.writing)
            own = [output.reading, error.reading]
            return
        }
        close(null)
        let input = try Pipe()
        process = (input.reading, output.writing, error.writing)
        own = [input.writing, output.reading, error.reading]
    }

    /// Closes the ends that the process has by now.
    func closeProcessSide() {
        for descriptor in Set([process.0, process.1, process.2]) { close(descriptor) }
        if let terminalSocket {
            close(terminalSocket.process)
            close(terminalSocket.own)
        }
    }

    /// Closes the ends that stay here.
    func closeOwnSide() { for descriptor in own { close(descriptor) } }

    /// The controlling side of the terminal, which a started process has sent.
    func receiveTerminal() -> Int32? {
        guard let terminalSocket else { return nil }
        guard let (_, descriptors) = try? FrameSocket.receive(terminalSocket.own) else { return nil }
        return descriptors.first
    }
}
