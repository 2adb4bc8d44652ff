import Model

/// One line of a log in the CRI format: `2026-11-20T12:00:00.000000000Z stdout F text`.
struct LogLine {
    /// When it was written, in nanoseconds since the Unix epoch.
    var time: Int64
    /// The time as written.
    var timeText: ArraySlice<UInt8>
    /// Whether the container had not ended the line here.
    var isPartial: Bool
    /// The text, without a line break.
    var text: ArraySlice<UInt8>

    /// Parses a line without its line break; nil when it is not in the format.
    init?(_ line: ArraySlice<UInt8>) {
        let space = UInt8(ascii: " ")
        guard let first = line.firstIndex(of: space), let second = line[(first + 1)...].firstIndex(of: space) else {
            return nil
        }
        let tagEnd = line[(second + 1)...].firstIndex(of: space) ?? line.endIndex
        guard let time = Timestamp(String(decoding: line[..<first], as: UTF8.self)) else { return nil }
        self.time = time.nanoseconds
        timeText = line[..<first]
        isPartial = line[(second + 1)..<tagEnd].elementsEqual([UInt8(ascii: "P")])
        text = line[min(tagEnd + 1, line.endIndex)...]
    }

    /// The line as a client gets it: with its time where asked for, and with a line break unless it is partial.
    func rendered(timestamps: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        if timestamps { bytes += timeText + [UInt8(ascii: " ")] }
        bytes += text
        if !isPartial { bytes.append(0x0A) }
        return bytes
    }
}
