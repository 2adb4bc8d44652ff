import Failpoints
import Glibc

/// A file beside the database that only takes up room. Given up when the disk is full, it lets objects be changed and deleted,
/// by which room comes back; it is made again once there is enough.
struct DiskReserve {
    private let path: String
    private let bytes: Int
    private var isThere = false

    /// How much is kept: thousands of changed statuses.
    static let defaultBytes = 8 << 20

    /// Keeps room for a database, if there is some.
    init(database: String, bytes: Int = Self.defaultBytes) {
        path = database + "-reserve"
        self.bytes = bytes
        var status = stat()
        isThere = stat(path, &status) == 0 && status.st_size > 0
        restore()
    }

    /// Gives the room up.
    ///
    /// - Returns: whether there was any to give.
    mutating func release() -> Bool {
        guard isThere else { return false }
        isThere = false
        return unlink(path) == 0
    }

    /// Takes the room again where the disk has several times as much.
    mutating func restore() {
        guard !isThere else { return }
        var room = statvfs()
        guard statvfs(path.parent, &room) == 0, Int(room.f_bavail) * Int(room.f_frsize) > 4 * bytes else { return }
        let file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        failpoint(.reserveBegun)
        isThere = posix_fallocate(file, 0, bytes) == 0
        close(file)
        if !isThere { unlink(path) }
        failpoint(.reserveMade)
    }
}

extension String {
    fileprivate var parent: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }
}
