/// A line of passwd(5).
struct PasswordEntry: Sendable, Hashable {
    var name: String
    var user: UInt32
    var group: UInt32
    var home: String

    static func parse(_ text: [UInt8]) -> [PasswordEntry] {
        accountLines(text).compactMap { fields in
            guard fields.count >= 6, let user = parseID(fields[2]), let group = parseID(fields[3]) else { return nil }
            return PasswordEntry(name: fields[0], user: user, group: group, home: fields[5])
        }
    }
}

/// A line of group(5).
struct GroupEntry: Sendable, Hashable {
    var name: String
    var group: UInt32
    var members: [String]

    static func parse(_ text: [UInt8]) -> [GroupEntry] {
        accountLines(text).compactMap { fields in
            guard fields.count >= 3, let group = parseID(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return GroupEntry(name: fields[0], group: group, members: members)
        }
    }
}

/// The fields of the lines that are entries.
private func accountLines(_ text: [UInt8]) -> [[String]] {
    text.split(separator: 0x0A).compactMap { line in
        let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        return fields.count > 1 && !fields[0].isEmpty && !fields[0].hasPrefix("#") ? fields : nil
    }
}

/// Reads a user's or a group's number: decimal digits only, and no more than the kernel's largest positive `int`, beyond
/// which programs disagree about what a number means (CVE-2024-40635).
func parseID(_ text: String) -> UInt32? {
    guard !text.isEmpty, text.utf8.count <= 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt32(text).flatMap { $0 <= UInt32(Int32.max) ? $0 : nil }
}
