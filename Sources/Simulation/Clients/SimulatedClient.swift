import Client
import HTTP
import Model
import Store

/// A client of the API over a network that loses, delays, repeats and reorders.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class SimulatedClient: APIClient, @unchecked Sendable {
    let config = ClientConfig(server: "simulated")
    private unowned let world: World
    let name: String
    private let subject: CertificateSubject
    /// Until when the server cannot be reached.
    private var cutOffUntil = TimeSpan.zero

    /// Makes the client of a user, or of a node.
    init(_ world: World, name: String, groups: [String]) {
        self.world = world
        self.name = name
        subject = CertificateSubject(commonName: name, organizations: groups)
        world.repeatedly(.partition, "network \(name)") { [unowned self] in
            let length = world.draw("network \(name)") { $0.span(.seconds(1)...(.seconds(60))) }
            cutOffUntil = max(cutOffUntil, world.now + length)
            world.note("network", "\(name) is cut off for \(length)")
        }
    }

    private var lane: String { "network \(name)" }
    private var isCutOff: Bool { world.isFaulty && world.now < cutOffUntil }

    /// A request as the server gets it.
    func request(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]?
    ) -> HTTPRequest {
        let target = RequestTarget(path)
        var fields: [String: String] = [:]
        for header in headers { fields[header.name.lowercased()] = header.value }
        return HTTPRequest(
            method: method, path: target?.path ?? path, query: target?.query ?? [], headers: fields, body: body ?? [],
            clientCertificate: subject)
    }

    /// Makes one request at once. For those who wait for the answer: agents.
    func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)], body: [UInt8]?
    ) throws(ClientError) -> APIResponse {
        let meant = request(method, path, headers: headers, body: body)
        let request = world.sabotage?.tampered(meant, world) ?? meant
        guard !isCutOff, !world.happens(.requestLoss, lane) else { throw .unreachable("the request was lost") }
        if method != "GET", world.happens(.late, lane) {
            later(request, "late", meant)
            throw .unreachable("the request timed out")
        }
        guard let answer = carryOut(request, meant) else { throw .unreachable("the server is down") }
        if method != "GET", world.happens(.duplicate, lane) { later(request, "again", meant) }
        guard !world.happens(.replyLoss, lane) else { throw .unreachable("the answer was lost") }
        return APIResponse(status: answer.status, headers: [:], body: answer.body)
    }

    /// Makes a request and hands over its answer later, with its way there and back; nil for none. For users, whose requests overlap.
    func send(_ request: HTTPRequest, _ done: @escaping (APIAnswer?) -> Void) {
        guard !isCutOff, !world.happens(.requestLoss, lane) else {
            return world.after(.seconds(5)) { done(nil) }
        }
        world.after(transit()) { [unowned self] in
            let answer = carryOut(request, request)
            if request.method != "GET", world.happens(.duplicate, lane) { later(request, "again") }
            guard let answer, !world.happens(.replyLoss, lane) else {
                return world.after(.seconds(5)) { done(nil) }
            }
            world.after(transit()) { done(answer) }
        }
    }

    private func transit() -> TimeSpan {
        let delay = world.strength(.delay)
        return delay > 0 ? world.draw(lane) { $0.span(.zero...(.milliseconds(Int64(delay)))) } : .milliseconds(1)
    }

    private func later(_ request: HTTPRequest, _ why: String, _ meant: HTTPRequest? = nil) {
        let wait = world.draw(lane) { $0.span(.milliseconds(1)...(.seconds(20))) }
        world.after(wait) { [unowned self] in
            world.note("network", "\(name): \(request.method) \(request.path) arrives \(why)")
            _ = carryOut(request, meant ?? request)
        }
    }

    /// Has the server carry a request out.
    ///
    /// - Parameter meant: the request as its sender wrote it.
    private func carryOut(_ request: HTTPRequest, _ meant: HTTPRequest) -> APIAnswer? {
        let key = Self.key(of: request)
        let before = key.flatMap { world.history.objects[$0] }
        var answer = world.server.handle(request)
        world.note("request", "\(name): \(request.method) \(request.path) -> \(answer?.status ?? 0)")
        guard let first = answer else { return nil }
        if world.sabotage == .staleAnswers, request.method == "GET", let key,
            let old = world.history.object(key, at: world.history.revision / 2), old.uid == before?.uid
        {
            answer = APIAnswer(status: 200, body: old.document.serialized())
        }
        checkStale(meant, key, before, first)
        resend(request, first)
        return answer
    }

    /// A write that names an identity or a version is about that one only.
    private func checkStale(_ request: HTTPRequest, _ key: ObjectKey?, _ before: StoredObject?, _ answer: APIAnswer) {
        guard request.method != "GET", let key, answer.status < 300 else { return }
        world.observe(
            .answered(
                Answer(
                    client: name, method: request.method, key: key, body: try? JSONValue(parsing: request.body),
                    status: answer.status, document: .null, since: world.history.revision, before: before)))
    }

    /// Now and then a status is sent a second time at once: it must change nothing more.
    private func resend(_ request: HTTPRequest, _ answer: APIAnswer) {
        guard request.method == "PATCH", request.path.hasSuffix("/status"), answer.status < 300,
            world.happens(.repeatedAction, lane)
        else { return }
        let before = world.history.revision
        guard world.server.handle(world.sabotage == .countingPatches ? Self.counting(request) : request) != nil else {
            return
        }
        world.observe(.resent("PATCH \(request.path)", revisions: Int(world.history.revision - before)))
    }

    private static func counting(_ request: HTTPRequest) -> HTTPRequest {
        var request = request
        var body = (try? JSONValue(parsing: request.body)) ?? [:]
        body["status"]?["message"] = "once more"
        request.body = body.serialized()
        return request
    }

    /// The object that a request is about.
    static func key(of request: HTTPRequest) -> ObjectKey? {
        let parts = request.path.split(separator: "/").map(String.init)
        guard let place = parts.firstIndex(where: { part in ResourceType.all.contains { $0.plural == part } }) else {
            return nil
        }
        var (index, namespace) = (place, "")
        if parts[place] == "namespaces", parts.count > place + 2 {
            namespace = parts[place + 1]
            index = place + 2
        }
        guard parts.count > index + 1, let type = ResourceType.all.first(where: { $0.plural == parts[index] }) else {
            return nil
        }
        return ObjectKey(type, namespace: namespace, name: parts[index + 1])
    }

    func stream(
        _ method: String, _ path: String, headers: [(name: String, value: String)],
        _ handler: (ArraySlice<UInt8>) -> Bool
    ) throws(ClientError) { throw .unreachable("nobody may wait in a simulation") }

    func webSocket(_ path: String, subprotocols: [String]) throws(ClientError) -> any ClientWebSocket {
        throw .unreachable("there are no commands in a simulation")
    }

    /// Opens a watch; false when the server cannot be reached or refuses.
    func watch(_ path: String, _ stream: WatchStream) -> Bool {
        guard !isCutOff, !world.happens(.requestLoss, lane) else { return false }
        return world.server.watch(request("GET", path, body: nil), stream)
    }
}
