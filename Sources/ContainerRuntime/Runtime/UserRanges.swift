import Linux
import Model
import Supervision
import Synchronization

/// Which pod has which user ids of the node. Ranges are multiples of their length, and no two pods have the same.
struct UserRanges {
    /// The first id that a pod can have: far above those of people and services, and of most of what subuid(5) gives away.
    static let firstID: UInt32 = 1 << 20
    /// How many ranges there are up to 2^31, beyond which programs take numbers for negative ones.
    static let places = ((1 << 31) - firstID) / UserRange.count

    /// The pods that have one.
    private(set) var byPod: [String: UserRange]
    private var taken: Set<UserRange>
    /// Ids that belong to others.
    private let foreign: [ClosedRange<UInt64>]

    /// What is known before there is any pod.
    init(byPod: [String: UserRange] = [:], foreign: [ClosedRange<UInt64>] = []) {
        self.byPod = byPod
        self.foreign = foreign
        taken = Set(byPod.values)
    }

    /// Reads what pods have, and what the node's own users have for theirs.
    init(reading dataDirectory: String) throws(LinuxError) {
        var byPod: [String: UserRange] = [:]
        for podUID in try listDirectory("\(dataDirectory)/pods") where PodPaths.isName(podUID) {
            // A pod whose intent cannot be read starts no container; it finds its range again by its name.
            guard let bytes = try? readFile("\(dataDirectory)/pods/\(podUID)/config.json", limit: 1 << 20),
                let json = try? JSONValue(parsing: bytes), let config = try? SupervisorConfig(json: json)
            else { continue }
            byPod[podUID] = config.userRange
        }
        let files = ["/etc/subuid", "/etc/subgid"].compactMap { try? readText($0, limit: 1 << 20) }
        self.init(byPod: byPod, foreign: files.flatMap(Self.subordinateIDs))
    }

    /// The range of a pod: the one it has, or the first free one from a place that its name decides. So the ids of a pod that
    /// has gone are not given to the very next one, and those of a pod that is made again are likely the same. Nil when
    /// none is left.
    mutating func take(for podUID: String) -> UserRange? {
        if let range = byPod[podUID] { return range }
        let start = Self.hash(podUID) % Self.places
        for step in 0..<Self.places {
            let range = UserRange(first: Self.firstID + (start + step) % Self.places * UserRange.count)
            guard !taken.contains(range), !isForeign(range) else { continue }
            taken.insert(range)
            byPod[podUID] = range
            return range
        }
        return nil
    }

    /// Gives a pod the range that was taken under another name, for a sandbox that waited for a pod.
    mutating func move(_ name: String, to podUID: String) {
        if let range = byPod.removeValue(forKey: name) { byPod[podUID] = range }
    }

    /// Lets others have a pod's range.
    mutating func giveBack(_ podUID: String) {
        if let range = byPod.removeValue(forKey: podUID) { taken.remove(range) }
    }

    private func isForeign(_ range: UserRange) -> Bool {
        let ids = UInt64(range.first)...UInt64(range.first + UserRange.count - 1)
        return foreign.contains { $0.overlaps(ids) }
    }

    /// FNV-1a, which is the same in every process.
    private static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    /// The ids that a file such as /etc/subuid gives away, see subuid(5).
    static func subordinateIDs(_ text: String) -> [ClosedRange<UInt64>] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":")
            guard fields.count == 3, let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0 else {
                return nil
            }
            return UInt64(first)...(UInt64(first) + UInt64(count) - 1)
        }
    }

    /// Why a kernel cannot map user ids; nil when it can.
    static func problem(ofKernel release: String) -> String? {
        guard let version = KernelRelease(release), version < .mapsLayers else { return nil }
        return "user namespaces need Linux 5.19 or newer, and this is \(release); use a newer kernel, or set "
            + "security.userNamespace: false"
    }
}

/// The ranges of a node, for all threads.
final class SharedUserRanges: Sendable {
    private let ranges: Mutex<UserRanges>

    init(_ ranges: UserRanges) { self.ranges = Mutex(ranges) }

    func withLock<Result>(_ body: (inout UserRanges) -> Result) -> Result {
        ranges.withLock { ranges in
            var own = ranges
            defer { ranges = own }
            return body(&own)
        }
    }
}
