/// Finds what a person probably meant.
enum NearestName {
    /// The candidate nearest to a word by edit distance; nil when none is near. Among equally near ones the first wins.
    static func of(_ word: String, among candidates: [String]) -> String? {
        // Longer words are no typing mistakes, and their distance would take long to compute.
        guard !word.isEmpty, word.utf8.count <= 64 else { return nil }
        let lower = Array(word.lowercased().utf8)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(lower, Array(candidate.lowercased().utf8))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        if let best, best.distance <= max(1, lower.count / 3), best.distance < best.name.utf8.count { return best.name }
        // TERM for SIGTERM.
        let endings = candidates.filter { lower.count > 2 && $0.lowercased().hasSuffix(word.lowercased()) }
        return endings.count == 1 ? endings[0] : nil
    }

    /// The optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in right.indices {
                let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(last[column + 1] + 1, current[column] + 1, replaced)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
