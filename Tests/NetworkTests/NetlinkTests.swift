import Glibc
import Linux
import Model
import Synchronization
import Testing

@testable import Network

/// A socket that records requests and plays back answers.
final class RecordingSocket: NetlinkSocket {
    private let requests = Mutex<[NetlinkMessage]>([])
    private let answers: Mutex<[Result<[NetlinkMessage], LinuxError>]>

    init(_ answers: [Result<[NetlinkMessage], LinuxError>] = []) { self.answers = Mutex(answers) }

    var recorded: [NetlinkMessage] { requests.withLock { $0 } }

    func exchange(_ request: NetlinkMessage) throws(LinuxError) -> [NetlinkMessage] {
        requests.withLock { $0.append(request) }
        let answer = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        return try answer?.get() ?? []
    }
}

@Suite struct NetlinkTests {
    private func request(sequence: UInt32 = 7) -> NetlinkMessage {
        var request = RouteMessage.setLink(index: 1, up: true)
        request.sequence = sequence
        return request
    }

    private func answer(_ type: UInt16, flags: UInt16 = 0, sequence: UInt32 = 7, _ payload: NetlinkPayload) -> [UInt8] {
        var message = NetlinkMessage(type: type, flags: flags, payload: payload)
        message.sequence = sequence
        return message.bytes
    }

    @Test func `an acknowledgement ends the answer`() throws {
        var messages: [NetlinkMessage] = []
        let link = answer(RouteMessage.newLink, NetlinkPayload { $0.linkHeader(index: 4) })
        let done = answer(Netlink.error, NetlinkPayload { $0.append(Int32(0)) })
        #expect(try !Netlink.read(link, of: request(), into: &messages))
        #expect(try Netlink.read(link + done + link, of: request(), into: &messages))
        #expect(messages.compactMap(Link.init).map(\.index) == [4, 4])
    }

    @Test func `messages of another sequence are skipped`() throws {
        var messages: [NetlinkMessage] = []
        let stale = answer(Netlink.error, sequence: 6, NetlinkPayload { $0.append(Int32(-1)) })
        #expect(try !Netlink.read(stale, of: request(), into: &messages))
        #expect(messages.isEmpty)
    }

    @Test func `an error carries the kernel's words`() throws {
        let payload = NetlinkPayload { error in
            error.append(Int32(-EINVAL))
            error.append(raw: Array(self.request().bytes.prefix(16)))
            error.attribute(2, UInt32(12))  // NLMSGERR_ATTR_OFFS
            error.attribute(1, "Invalid MTU")  // NLMSGERR_ATTR_MSG
        }
        let bytes = answer(Netlink.error, flags: Netlink.capped | Netlink.hasAttributes, payload)
        var messages: [NetlinkMessage] = []
        #expect(throws: LinuxError("netlink", errno: EINVAL, detail: "Invalid MTU")) {
            try Netlink.read(bytes, of: request(), into: &messages)
        }
    }

    @Test func `an error without attributes, a failed list and a cut error are errors`() {
        let plain = answer(Netlink.error, NetlinkPayload { $0.append(Int32(-EPERM)) })
        let list = answer(Netlink.done, NetlinkPayload { $0.append(Int32(-ENOMEM)) })
        for (bytes, code) in [(plain, EPERM), (list, ENOMEM), (answer(Netlink.error, NetlinkPayload()), EBADMSG)] {
            var messages: [NetlinkMessage] = []
            let error = #expect(throws: LinuxError.self) { try Netlink.read(bytes, of: request(), into: &messages) }
            #expect(error?.errno == code)
        }
    }

    @Test func `lengths that do not fit end the reading`() {
        let whole = answer(RouteMessage.newLink, NetlinkPayload { $0.attribute(3, "eth0") })
        for count in 0..<whole.count {
            var reader = NetlinkReader(Array(whole.prefix(count)))
            #expect(reader.message() == nil)
        }
        for length in [UInt8(0), 3, 0xFF] {
            var reader = NetlinkReader([length, 0, 3, 0, 1, 2, 3, 4])
            #expect(reader.attributes().isEmpty)
        }
    }

    @Test func `an error says what was tried on which link`() {
        let refusal = Result<[NetlinkMessage], LinuxError>.failure(
            LinuxError("netlink", errno: EPERM, detail: "no"))
        let client = RouteClient(socket: RecordingSocket([refusal]))
        let error = #expect(throws: LinuxError.self) {
            try client.makeBridge(name: "martlet0", hardwareAddress: HardwareAddress(bytes: []), mtu: 1500)
        }
        #expect(error?.description == "make bridge martlet0: Operation not permitted: no")
    }

    @Test func `what is already so is no error`() throws {
        let gone = Result<[NetlinkMessage], LinuxError>.failure(LinuxError("netlink", errno: ENODEV))
        let there = Result<[NetlinkMessage], LinuxError>.failure(LinuxError("netlink", errno: EEXIST))
        let socket = RecordingSocket([gone, gone, there])
        let client = RouteClient(socket: socket)
        try client.deleteLink(named: "mlt0")
        #expect(try client.link(named: "mlt0") == nil)
        let message = NetlinkMessage(
            type: RouteMessage.newLink, flags: 0, payload: NetlinkPayload { $0.linkHeader(index: 3) })
        let link = try #require(Link(message))
        try client.addAddress(try CIDR("10.1.0.2/16"), to: link)
        #expect(socket.recorded.map(\.type) == [17, 18, 20])
    }
}
