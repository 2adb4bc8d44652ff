/// The known name that a mistyped one most likely means: at most a third of its letters differ.
func nearestName(to word: String, among known: [String]) -> String? {
    let scored = known.map { (name: $0, distance: editDistance(word, $0)) }
    guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
    return best.distance <= max(1, word.count / 3 + 1) ? best.name : nil
}

/// How many letters must be added, removed, changed or swapped with their neighbour (optimal string alignment).
private func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    var rows = [Array(0...right.count)]
    for (index, letter) in left.enumerated() {
        var row = [index + 1]
        for column in right.indices {
            let changed = rows[index][column] + (letter == right[column] ? 0 : 1)
            var best = min(changed, rows[index][column + 1] + 1, row[column] + 1)
            if index > 0, column > 0, letter == right[column - 1], left[index - 1] == right[column] {
                best = min(best, rows[index - 1][column - 1] + 1)
            }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
