import Model
import Store

/// Something that checkers hear of.
enum Observation {
    /// A commit became durable.
    case committed(StoreCommit)
    /// The server came up with what was on its disk.
    case recovered(revision: StoreRevision, objects: [StoredObject])
    /// The store's watch told of events.
    case heard([StoreEvent])
    /// A user was answered.
    case answered(Answer)
    /// A watch told a client something, or ended.
    case watched(WatchClient, WatchSight)
    /// A container was started on a node.
    case started(node: String, podUID: String, container: String, attempt: Int)
    /// An action was performed a second time; what the machine had after the first and after the second.
    case repeated(node: String, action: String, before: String, after: String)
    /// A request was carried out a second time at once; how many revisions that made.
    case resent(String, revisions: Int)
    /// How much waits in a queue that has a limit.
    case queued(String, count: Int, limit: Int)
}

/// A request of a client and its answer.
struct Answer {
    let client: String
    let method: String
    let key: ObjectKey?
    /// The body that was sent, as JSON.
    let body: JSONValue?
    let status: Int
    let document: JSONValue
    /// The store's revision when the request was sent.
    let since: StoreRevision
    /// The object's revision and identity when the request was carried out.
    let before: StoredObject?
}

/// What a watcher sees.
enum WatchSight {
    /// It listed.
    case listed([JSONValue], revision: StoreRevision)
    case event(type: String, object: JSONValue)
    case bookmark(StoreRevision)
    /// The watch is over; true when the server said that the history is gone.
    case ended(expired: Bool)
}

/// Watches over one promise.
protocol Checker: AnyObject {
    /// The number of the promise in the list of invariants.
    var number: Int { get }
    /// What is promised, in a few words.
    var name: String { get }
    /// Looks at something that happened, and says what is wrong with it.
    func check(_ observation: Observation, _ history: History) -> String?
    /// Looks at the cluster once it has come to rest.
    func finish(_ world: World) -> String?
}

extension Checker {
    func check(_ observation: Observation, _ history: History) -> String? { nil }
    func finish(_ world: World) -> String? { nil }
}

/// A promise that was not kept.
public struct Violation: Sendable, Hashable, CustomStringConvertible {
    /// The number of the invariant.
    public let number: Int
    /// Its name.
    public let name: String
    /// What was seen.
    public let message: String
    /// When, since the beginning.
    public let time: TimeSpan

    /// `25 no resurrection: ... (at 12.5 s)`.
    public var description: String { "\(number) \(name): \(message) (at \(time.wholeMilliseconds) ms)" }
}

/// All checkers of one simulation, and the first violation that one of them found.
final class Checks {
    let checkers: [any Checker]
    private(set) var violation: Violation?
    /// How many observations were checked.
    private(set) var count = 0

    init(_ checkers: [any Checker]) { self.checkers = checkers }

    func observe(_ observation: Observation, at time: TimeSpan, _ history: History) {
        count += 1
        guard violation == nil else { return }
        for checker in checkers {
            if let message = checker.check(observation, history) { return fail(checker, message, time) }
        }
    }

    func finish(_ world: World) {
        for checker in checkers where violation == nil {
            if let message = checker.finish(world) { fail(checker, message, world.now) }
        }
    }

    /// Notes a violation that the simulation itself found.
    func fail(_ number: Int, _ name: String, _ message: String, _ time: TimeSpan) {
        violation = violation ?? Violation(number: number, name: name, message: message, time: time)
    }

    private func fail(_ checker: any Checker, _ message: String, _ time: TimeSpan) {
        violation = violation ?? Violation(number: checker.number, name: checker.name, message: message, time: time)
    }
}
