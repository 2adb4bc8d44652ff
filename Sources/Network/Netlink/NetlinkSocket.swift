import CLinux
import Glibc
import Linux
import Synchronization

/// A conversation with the kernel over netlink(7).
protocol NetlinkSocket: AnyObject, Sendable {
    /// Sends a request and returns the answer's messages, without acknowledgement or end mark.
    ///
    /// - Throws: What the kernel answers, with its words where it has some.
    func exchange(_ request: NetlinkMessage) throws(LinuxError) -> [NetlinkMessage]
}

/// The flags and types of messages that every netlink family has: linux/netlink.h.
enum Netlink {
    /// The protocol for links, addresses and routes: rtnetlink(7).
    static let route: Int32 = 0

    /// `NLM_F_REQUEST`: asks the kernel for something.
    static let request: UInt16 = 0x1
    /// `NLM_F_MULTI`: one of several messages.
    static let multi: UInt16 = 0x2
    /// `NLM_F_DUMP_INTR`: the objects changed while they were listed.
    static let interrupted: UInt16 = 0x10
    /// `NLM_F_ACK`: asks for an acknowledgement.
    static let acknowledge: UInt16 = 0x4
    /// `NLM_F_EXCL`: fails when the object is there.
    static let exclusive: UInt16 = 0x200
    /// `NLM_F_CREATE`: makes the object when it is missing.
    static let create: UInt16 = 0x400
    /// `NLM_F_DUMP`: asks for all objects.
    static let dump: UInt16 = 0x300

    /// `NLMSG_ERROR`: an error, or an acknowledgement where the number is 0.
    static let error: UInt16 = 2
    /// `NLMSG_DONE`: the end of several messages.
    static let done: UInt16 = 3

    /// `NLM_F_CAPPED`: the request is not repeated behind an error.
    static let capped: UInt16 = 0x100
    /// `NLM_F_ACK_TLVS`: attributes follow an error.
    static let hasAttributes: UInt16 = 0x200

    /// Takes the messages of one datagram; whether the answer is complete. Messages of another sequence are late
    /// answers to a request that was given up, and are skipped.
    static func read(
        _ datagram: [UInt8], of request: NetlinkMessage, into answer: inout [NetlinkMessage]
    ) throws(LinuxError) -> Bool {
        var reader = NetlinkReader(datagram)
        while let message = reader.message() {
            if message.sequence != request.sequence { continue }
            if message.type == error || message.type == done {
                if let failure = failure(message, of: request) { throw failure }
                return true
            }
            answer.append(message)
        }
        return false
    }

    /// What a `NLMSG_ERROR`, or the end of a list, says: nil for an acknowledgement. The kernel's words are in `NLMSGERR_ATTR_MSG`.
    static func failure(_ message: NetlinkMessage, of request: NetlinkMessage) -> LinuxError? {
        var reader = NetlinkReader(message.payload.bytes)
        guard let code = reader.number(Int32.self) else {
            return LinuxError("netlink", errno: EBADMSG, detail: "an error without a number")
        }
        if code >= 0 { return nil }
        // The header of the request is repeated, and its payload unless the message is capped.
        let repeated = message.flags & capped != 0 ? 16 : request.bytes.count
        var words: String?
        if message.flags & hasAttributes != 0, reader.take((repeated + 3) & ~3) != nil {
            words = reader.attributes()[1]?.netlinkText
        }
        return LinuxError("netlink", errno: -code, detail: words)
    }
}

/// A socket of the kernel's. It stays in the network namespace of the thread that opened it.
final class KernelNetlinkSocket: NetlinkSocket {
    /// The largest datagram that the kernel sends: a dump's are at most 32 KiB.
    private static let bufferSize = 64 << 10

    /// How often a list is asked for that changes while the kernel makes it.
    private static let listingAttempts = 16

    private let socket: Int32
    /// The number of the last request. Held during an exchange: answers belong to one request at a time.
    private let sequence = Mutex<UInt32>(0)

    /// Opens a socket in the calling thread's namespace.
    init(protocol number: Int32 = Netlink.route) throws(LinuxError) {
        socket = try systemCall("socket", path: "netlink") { linux_netlink_open(number) }
    }

    deinit { close(socket) }

    func exchange(_ request: NetlinkMessage) throws(LinuxError) -> [NetlinkMessage] {
        let result = sequence.withLock { sequence in
            Result { () throws(LinuxError) in
                for _ in 0..<Self.listingAttempts {
                    sequence &+= 1
                    var request = request
                    request.sequence = sequence
                    let answer = try converse(request)
                    if !answer.contains(where: { $0.flags & Netlink.interrupted != 0 }) { return answer }
                }
                throw LinuxError("receive", path: "netlink", errno: EAGAIN, detail: "the list keeps changing")
            }
        }
        return try result.get()
    }

    private func converse(_ request: NetlinkMessage) throws(LinuxError) -> [NetlinkMessage] {
        let bytes = request.bytes
        let sent = try systemCall("send", path: "netlink") { send(socket, bytes, bytes.count, 0) }
        if sent != bytes.count { throw LinuxError("send", path: "netlink", errno: EMSGSIZE) }
        var answer: [NetlinkMessage] = []
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        while true {
            let count = try systemCall("receive", path: "netlink") {
                linux_netlink_receive(socket, &buffer, buffer.count)
            }
            if try Netlink.read(Array(buffer[..<count]), of: request, into: &answer) { return answer }
        }
    }
}
