/// Rows of cells in aligned columns, three spaces apart, as `kubectl` prints them.
struct TextTable: Sendable {
    /// The headers, in capitals.
    var headers: [String]
    /// The cells of each row.
    var rows: [[String]] = []

    /// The width of each column.
    var widths: [Int] {
        headers.indices.map { column in
            ([headers[column].count] + rows.map { column < $0.count ? $0[column].count : 0 }).max() ?? 0
        }
    }

    /// The table as text.
    func text(withHeaders: Bool = true) -> String {
        let widths = widths
        let lines = (withHeaders ? [headers] : []) + rows
        return lines.map { Self.line($0, widths: widths) + "\n" }.joined()
    }

    /// One row in columns of given widths; the last is not padded.
    static func line(_ cells: [String], widths: [Int]) -> String {
        cells.enumerated().map { index, cell in
            guard index < cells.count - 1, index < widths.count else { return cell }
            return cell + String(repeating: " ", count: max(0, widths[index] - cell.count) + 3)
        }.joined()
    }
}
