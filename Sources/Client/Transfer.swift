internal import CCurl

/// One request on its way: what its callbacks write to. Used on the thread that performs the request.
final class Transfer {
    /// The longest answer that is held in memory: far beyond any list, far below what would exhaust the machine.
    static let maximumBodyBytes = 512 << 20

    private(set) var headers: [String: String] = [:]
    private(set) var body: [UInt8] = []
    /// Takes the body of a successful answer; nil keeps it all.
    let sink: ((ArraySlice<UInt8>) -> Bool)?
    /// Whether the sink wants no more.
    private(set) var isStopped = false
    private(set) var isTooLong = false
    private var status = 0
    private let handle: UnsafeMutableRawPointer

    init(_ handle: UnsafeMutableRawPointer, sink: ((ArraySlice<UInt8>) -> Bool)?) {
        self.handle = handle
        self.sink = sink
    }

    /// Takes one line of the head; a status line starts it anew, because there are interim answers.
    func take(headerLine line: UnsafeRawBufferPointer) {
        if line.starts(with: "HTTP/".utf8) {
            headers = [:]
            return
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let value = String(decoding: line[(colon + 1)...].trimmingSpace, as: UTF8.self)
        headers[name] = headers[name].map { "\($0), \(value)" } ?? value
    }

    /// Takes a part of the body; false ends the transfer.
    func take(body part: UnsafeRawBufferPointer) -> Bool {
        if status == 0 { status = martlet_curl_status(handle) }
        if let sink, status < 400 {
            isStopped = !sink(Array(part)[...])
            return !isStopped
        }
        isTooLong = body.count + part.count > Transfer.maximumBodyBytes
        guard !isTooLong else { return false }
        body.append(contentsOf: part)
        return true
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    /// Without white space at either end.
    var trimmingSpace: ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var bytes = Array(self)[...]
        bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return bytes
    }
}
