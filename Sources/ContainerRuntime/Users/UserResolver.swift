/// Who a container's processes are.
struct ResolvedUser: Sendable, Hashable {
    var user: UInt32
    var group: UInt32
    /// All groups, the first one included.
    var groups: [UInt32]
    /// The home directory.
    var home: String
}

/// Finds out who an image's `User` is. A text that is not understood is an error, never root (CVE-2026-30892).
struct UserResolver {
    let passwords: [PasswordEntry]
    let groups: [GroupEntry]

    /// Reads an image's accounts.
    init(image: UnpackedImage) throws(RuntimeError) {
        let files = LayerFiles(layers: image.layerDirectories)
        passwords = PasswordEntry.parse(try files.read(directory: "etc", name: "passwd") ?? [])
        groups = GroupEntry.parse(try files.read(directory: "etc", name: "group") ?? [])
    }

    init(passwords: [PasswordEntry], groups: [GroupEntry]) {
        self.passwords = passwords
        self.groups = groups
    }

    /// Resolves an image's `USER[:GROUP]` under the numbers that the container's configuration sets.
    func resolve(image text: String?, userID: UInt32?, groupID: UInt32?) throws(RuntimeError) -> ResolvedUser {
        for number in [userID, groupID].compactMap({ $0 }) where number > UInt32(Int32.max) {
            throw RuntimeError(.invalid, "user or group \(number) is larger than \(Int32.max)")
        }
        // A user that the configuration sets comes without the image's group.
        let parts = userID == nil ? try Self.parts(of: text ?? "") : (userID.map(String.init) ?? "", nil)
        let (number, entry) = try user(parts.0)
        let named = try parts.1.map { part throws(RuntimeError) in try group(part) }
        guard let primary = groupID ?? named else {
            let primary = entry?.group ?? 0
            let member = entry.map { entry in groups.filter { $0.members.contains(entry.name) }.map(\.group) } ?? []
            return ResolvedUser(
                user: number, group: primary, groups: Self.ordered(primary, member), home: entry?.home ?? "/")
        }
        return ResolvedUser(user: number, group: primary, groups: [primary], home: entry?.home ?? "/")
    }

    private static func ordered(_ primary: UInt32, _ others: [UInt32]) -> [UInt32] {
        [primary] + Set(others).subtracting([primary]).sorted()
    }

    /// The parts of `USER[:GROUP]`; no text at all means root.
    private static func parts(of text: String) throws(RuntimeError) -> (String, String?) {
        if text.isEmpty { return ("0", nil) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw RuntimeError(.invalid, "user \"\(text)\" of the image is not USER or USER:GROUP")
        }
        return (parts[0], parts.count > 1 ? parts[1] : nil)
    }

    private static func isNumber(_ text: String) -> Bool { text.utf8.allSatisfy { (0x30...0x39).contains($0) } }

    private func user(_ text: String) throws(RuntimeError) -> (UInt32, PasswordEntry?) {
        if Self.isNumber(text) {
            guard let number = parseID(text) else {
                throw RuntimeError(.invalid, "user \(text) is larger than \(Int32.max)")
            }
            return (number, passwords.first { $0.user == number })
        }
        guard let entry = passwords.first(where: { $0.name == text }) else {
            throw RuntimeError(.invalid, "user \"\(text)\" is not in the image's /etc/passwd")
        }
        return (entry.user, entry)
    }

    private func group(_ text: String) throws(RuntimeError) -> UInt32 {
        if Self.isNumber(text) {
            guard let number = parseID(text) else {
                throw RuntimeError(.invalid, "group \(text) is larger than \(Int32.max)")
            }
            return number
        }
        guard let entry = groups.first(where: { $0.name == text }) else {
            throw RuntimeError(.invalid, "group \"\(text)\" is not in the image's /etc/group")
        }
        return entry.group
    }
}
