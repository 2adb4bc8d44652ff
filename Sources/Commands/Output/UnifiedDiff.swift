/// The difference of two texts in the unified format (diff(1)).
enum UnifiedDiff {
    private enum Line: Equatable {
        case same(Substring)
        case removed(Substring)
        case added(Substring)
    }

    /// How many unchanged lines are shown around a change.
    private static let context = 3

    /// The difference; empty when there is none.
    static func text(old: [Substring], new: [Substring], oldTitle: String, newTitle: String) -> String {
        let lines = compared(old, new)
        let changed = lines.indices.filter { if case .same = lines[$0] { false } else { true } }
        guard !changed.isEmpty else { return "" }
        var text = "--- \(oldTitle)\n+++ \(newTitle)\n"
        var index = 0
        while index < changed.count {
            var last = index
            while last + 1 < changed.count, changed[last + 1] - changed[last] <= 2 * context + 1 { last += 1 }
            let range = max(0, changed[index] - context)...min(lines.count - 1, changed[last] + context)
            text += hunk(lines, range)
            index = last + 1
        }
        return text
    }

    private static func hunk(_ lines: [Line], _ range: ClosedRange<Int>) -> String {
        func count(_ slice: ArraySlice<Line>, old: Bool) -> Int {
            slice.filter { line in
                switch line {
                case .same: true
                case .removed: old
                case .added: !old
                }
            }.count
        }
        let before = lines[..<range.lowerBound]
        let inside = lines[range]
        let oldCount = count(inside, old: true)
        let newCount = count(inside, old: false)
        let oldStart = count(before, old: true) + (oldCount > 0 ? 1 : 0)
        let newStart = count(before, old: false) + (newCount > 0 ? 1 : 0)
        var text = "@@ -\(oldStart),\(oldCount) +\(newStart),\(newCount) @@\n"
        for line in inside {
            switch line {
            case .same(let content): text += " \(content)\n"
            case .removed(let content): text += "-\(content)\n"
            case .added(let content): text += "+\(content)\n"
            }
        }
        return text
    }

    /// The lines of both in order, by a longest common subsequence.
    private static func compared(_ old: [Substring], _ new: [Substring]) -> [Line] {
        var lengths = [[Int]](repeating: [Int](repeating: 0, count: new.count + 1), count: old.count + 1)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                lengths[i][j] = old[i] == new[j] ? lengths[i + 1][j + 1] + 1 : max(lengths[i + 1][j], lengths[i][j + 1])
            }
        }
        var (i, j) = (0, 0)
        var lines: [Line] = []
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                lines.append(.same(old[i]))
                (i, j) = (i + 1, j + 1)
            } else if i < old.count, j == new.count || lengths[i + 1][j] >= lengths[i][j + 1] {
                lines.append(.removed(old[i]))
                i += 1
            } else {
                lines.append(.added(new[j]))
                j += 1
            }
        }
        return lines
    }

    /// The text with colours for a terminal.
    static func coloured(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            switch line.first {
            case "+": "\u{1B}[32m\(line)\u{1B}[0m"
            case "-": "\u{1B}[31m\(line)\u{1B}[0m"
            case "@": "\u{1B}[36m\(line)\u{1B}[0m"
            default: String(line)
            }
        }.joined(separator: "\n")
    }
}
