/// The result of a run of benchmarks as a text table: words to the left, numbers to the right.
public func reportTable(_ rows: [Row]) -> String {
    let head = ["BENCHMARK", "WORK", "PEER", "OURS", "THEIRS", "UNIT", "RATIO", "RUNS"]
    let lines = [head] + rows.map(cells)
    let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
        let padded = zip(line, widths).enumerated().map { column, cell in
            let space = String(repeating: " ", count: cell.1 - cell.0.count)
            return numberColumns.contains(column) ? space + cell.0 : cell.0 + space
        }
        return padded.joined(separator: "   ").trimmingRight + "\n"
    }.joined()
}

private let numberColumns: Set<Int> = [3, 4, 6, 7]

private func cells(_ row: Row) -> [String] {
    [
        row.name, row.work, row.peer.isEmpty ? "-" : row.peer, row.ours.map(readable) ?? "-",
        row.theirs.map(readable) ?? "-",
        row.unit, row.ratio.map(readable) ?? "-", "\(row.runs)",
    ]
}

extension String {
    fileprivate var trimmingRight: String {
        var text = self[...]
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
