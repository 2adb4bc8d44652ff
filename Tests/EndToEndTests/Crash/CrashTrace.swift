import Glibc
import Linux

/// One line of a failpoints' trace: `PROCESS PID SITE DETAIL`, with `fired` or `killed` in front where the process died.
struct PassedPlace {
    var process: String
    var pid: Int32
    /// The place's name; for a launch's steps `launch-step:N`.
    var site: String
    var detail: String
    var mark: String

    init?(_ line: Substring) {
        var words = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        mark = ""
        if ["fired", "killed"].contains(words[0]) { mark = words.removeFirst() }
        guard words.count >= 3, let pid = Int32(words[1]) else { return nil }
        (process, self.pid, site) = (words[0], pid, words[2])
        detail = words.dropFirst(3).joined(separator: " ")
    }

    /// The place's name without a step's number.
    var kind: String { String(site.prefix { $0 != ":" }) }

    static func read(_ path: String) -> [PassedPlace] {
        ((try? readText(path, limit: 64 << 20)) ?? "").split(separator: "\n").compactMap(PassedPlace.init)
    }

    /// The detail with everything replaced that differs from one run to the next, as a pattern (fnmatch(3)).
    func pattern(data: String, run: String) -> String {
        var text = detail
        for prefix in [data, run] where text.hasPrefix(prefix) { text = "*" + text.dropFirst(prefix.count) }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Self.generalized(String($0)) }
        return parts.joined(separator: "/")
    }

    /// A component of a path with identities, hexadecimal words of eight digits and more, and decimal numbers replaced.
    private static func generalized(_ text: String) -> String {
        let dashes = text.prefix(36).enumerated().filter { $0.element == "-" }.map(\.offset)
        if text.count >= 36, dashes == [8, 13, 18, 23] { return "*" + text.dropFirst(36) }
        var result = ""
        var word = ""
        for character in text + " " {
            if character.isLetter || character.isNumber {
                word.append(character)
                continue
            }
            let isDigest = word.count >= 8 && word.allSatisfy { $0.isHexDigit }
            let isNumber = !word.isEmpty && word.allSatisfy { $0.isNumber }
            result += (isDigest || isNumber ? "*" : word) + String(character)
            word = ""
        }
        return String(result.dropLast())
    }
}

/// A case of the matrix: where which process dies, in which story.
struct CrashCase: Hashable, Comparable, CustomStringConvertible {
    var story: CrashStory
    /// As `MARTLET_FAILPOINT` has it.
    var target: String

    var description: String { "\(story.rawValue)=\(target)" }

    init(_ story: CrashStory, _ target: String) { (self.story, self.target) = (story, target) }

    /// Reads a case's name.
    init?(_ text: String) {
        let words = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard words.count == 2, let story = CrashStory(rawValue: words[0]) else { return nil }
        self.init(story, words[1])
    }

    /// The target without the number.
    var place: Substring { target.prefix(upTo: target.lastIndex(of: ":") ?? target.endIndex) }

    static func < (left: CrashCase, right: CrashCase) -> Bool { left.description < right.description }

    /// Which kind of process dies in which story.
    var family: String { "\(story) \(target.prefix { $0 != "/" })" }

    /// The failpoint's name.
    var site: String { String(target.drop { $0 != "/" }.dropFirst().prefix { $0 != "@" && $0 != ":" }) }

    /// A number that spreads cases evenly and is the same everywhere (FNV-1a).
    var hash: UInt32 { description.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 } }

    /// The cases of a story that was recorded: every place the first time that a process comes to it, the store's also in
    /// between. Steps of launches are cases of their own, see `CrashStory.steps`.
    static func all(of story: CrashStory, _ trace: [PassedPlace], _ run: CrashRun) -> Set<CrashCase> {
        var counts: [String: [Int32: Int]] = [:]
        for place in trace where !place.site.hasPrefix("launch-step") {
            let pattern = place.pattern(data: run.cluster.data, run: run.runDirectory)
            let target = "\(place.process)/\(place.site)" + (pattern.isEmpty ? "" : "@\(pattern)")
            counts[target, default: [:]][place.pid, default: 0] += 1
        }
        var result: Set<CrashCase> = []
        for (target, processes) in counts {
            result.insert(CrashCase(story, "\(target):1"))
            let most = processes.values.max() ?? 1
            guard target.hasPrefix("up/transaction") || target.hasPrefix("up/commit") else { continue }
            for quarter in 1...3 where most >= 8 { result.insert(CrashCase(story, "\(target):\(most * quarter / 4)")) }
        }
        return result
    }
}
