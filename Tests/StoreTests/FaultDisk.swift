import CSQLite
import Glibc
import Synchronization
import TestSupport

@testable import Store

/// A disk whose operations can be made to fail, and which forgets in a power cut what was not fsynced: a SQLite VFS in
/// front of the system's.
///
/// `@unchecked Sendable`: what changes is in the mutex; the VFS record is written before it is registered.
final class FaultDisk: @unchecked Sendable {
    /// What a failing operation answers.
    enum Fault: CaseIterable, Sendable {
        /// A write finds the disk full; other operations succeed.
        case noRoom
        /// Any operation fails.
        case broken
    }

    private struct Image: Sendable {
        /// What an fsync has put on the disk for good.
        var durable: [UInt8] = []
        /// What was done since, in order; a power cut keeps any of it.
        var pending: [Change] = []
    }

    fileprivate enum Change: Sendable {
        case write([UInt8], Int)
        case truncate(Int)
    }

    private struct Content: Sendable {
        var images: [String: Image] = [:]
        var operations = 0
        var failing: Range<Int> = 0..<0
        var fault = Fault.broken
    }

    /// The name to open databases with.
    let name: String
    private let content = Mutex(Content())
    private let record = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    fileprivate let system: UnsafeMutablePointer<sqlite3_vfs>
    private static let count = Atomic(0)

    init() throws {
        guard let system = sqlite3_vfs_find(nil) else { throw TemporaryFolder.Failure() }
        self.system = system
        name = "fault-\(Self.count.add(1, ordering: .relaxed).newValue)"
        record.initialize(to: system.pointee)
        record.pointee.zName = UnsafePointer(strdup(name))
        record.pointee.szOsFile = Int32(FaultFile.size) + system.pointee.szOsFile
        record.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        record.pointee.xOpen = { vfs, path, file, flags, outFlags in
            FaultFile.open(vfs, path, file, flags, outFlags)
        }
        record.pointee.xDelete = { vfs, path, sync in FaultFile.delete(vfs, path, sync) }
        guard sqlite3_vfs_register(record, 0) == SQLITE_OK else { throw TemporaryFolder.Failure() }
    }

    deinit {
        sqlite3_vfs_unregister(record)
        free(UnsafeMutablePointer(mutating: record.pointee.zName))
        record.deallocate()
    }

    /// Makes the operations of these numbers fail, counted from now on.
    func fail(_ operations: Range<Int>, with fault: Fault) {
        content.withLock { content in
            content.operations = 0
            content.failing = operations
            content.fault = fault
        }
    }

    /// How many operations there were since.
    var operations: Int { content.withLock { $0.operations } }

    /// The files as a power cut now would leave them: what was fsynced, and of the rest what chance has it.
    func afterPowerCut(seed: UInt64) -> [String: [UInt8]] {
        var generator = SplitMix64(seed: seed)
        let images = content.withLock { $0.images }
        var files: [String: [UInt8]] = [:]
        for (path, image) in images.sorted(by: { $0.key < $1.key }) {
            var bytes = image.durable
            for change in image.pending where Bool.random(using: &generator) { bytes.apply(change) }
            files[path] = bytes
        }
        return files
    }

    fileprivate func next(isWrite: Bool) -> Int32 {
        content.withLock { content in
            content.operations += 1
            guard content.failing.contains(content.operations - 1) else { return SQLITE_OK }
            guard isWrite || content.fault == .broken else { return SQLITE_OK }
            return content.fault == .noRoom ? SQLITE_FULL : SQLITE_IOERR | (isWrite ? 3 : 4) << 8
        }
    }

    fileprivate func changed(_ path: String, _ change: Change) {
        content.withLock { $0.images[path, default: Image()].pending.append(change) }
    }

    fileprivate func deleted(_ path: String) {
        content.withLock { _ = $0.images.removeValue(forKey: path) }
    }

    fileprivate func synced(_ path: String) {
        content.withLock { content in
            guard var image = content.images.removeValue(forKey: path) else { return }
            for change in image.pending { image.durable.apply(change) }
            image.pending = []
            content.images[path] = image
        }
    }
}

extension [UInt8] {
    fileprivate mutating func apply(_ change: FaultDisk.Change) {
        switch change {
        case .write(let bytes, let offset): write(bytes, at: offset)
        case .truncate(let size): removeLast(Swift.max(count - size, 0))
        }
    }

    private mutating func write(_ bytes: [UInt8], at offset: Int) {
        if count < offset + bytes.count { append(contentsOf: repeatElement(0, count: offset + bytes.count - count)) }
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}

/// One open file of a fault disk; the system's file lies behind it in memory.
private struct FaultFile {
    var base: sqlite3_file
    var disk: Unmanaged<FaultDisk>
    var path: Unmanaged<Path>

    final class Path {
        let text: String
        init(_ text: String) { self.text = text }
    }

    static let size = (MemoryLayout<FaultFile>.size + 15) / 16 * 16

    static func open(
        _ vfs: UnsafeMutablePointer<sqlite3_vfs>?, _ path: UnsafePointer<CChar>?,
        _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32, _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let file, let data = vfs?.pointee.pAppData else { return SQLITE_MISUSE }
        file.pointee.pMethods = nil
        let disk = Unmanaged<FaultDisk>.fromOpaque(data)
        let system = disk.takeUnretainedValue().system
        let status = system.pointee.xOpen?(system, path, real(file), flags, outFlags) ?? SQLITE_MISUSE
        guard status == SQLITE_OK else { return status }
        let text = Path(path.map { String(cString: $0) } ?? "")
        UnsafeMutableRawPointer(file).initializeMemory(
            as: FaultFile.self,
            to: FaultFile(base: sqlite3_file(pMethods: methods), disk: disk, path: .passRetained(text)))
        return SQLITE_OK
    }

    private static func real(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<sqlite3_file> {
        (UnsafeMutableRawPointer(file) + size).assumingMemoryBound(to: sqlite3_file.self)
    }

    /// Calls a method of the system's file.
    private static func call(
        _ file: UnsafeMutablePointer<sqlite3_file>?,
        _ body: (sqlite3_io_methods, UnsafeMutablePointer<sqlite3_file>) -> Int32?
    ) -> Int32 {
        guard let file, let methods = real(file).pointee.pMethods else { return SQLITE_MISUSE }
        return body(methods.pointee, real(file)) ?? SQLITE_MISUSE
    }

    private static func fields(_ file: UnsafeMutablePointer<sqlite3_file>?) -> (disk: FaultDisk, path: String)? {
        file.map { file in
            let fields = UnsafeMutableRawPointer(file).assumingMemoryBound(to: FaultFile.self).pointee
            return (fields.disk.takeUnretainedValue(), fields.path.takeUnretainedValue().text)
        }
    }

    private static func write(
        _ file: UnsafeMutablePointer<sqlite3_file>?, _ bytes: UnsafeRawPointer?, _ count: Int32, _ offset: Int64
    ) -> Int32 {
        guard let bytes, let (disk, path) = fields(file) else { return SQLITE_MISUSE }
        let fault = disk.next(isWrite: true)
        guard fault == SQLITE_OK else { return fault }
        disk.changed(path, .write(Array(UnsafeRawBufferPointer(start: bytes, count: Int(count))), Int(offset)))
        return call(file) { $0.xWrite?($1, bytes, count, offset) }
    }

    private static func truncate(_ file: UnsafeMutablePointer<sqlite3_file>?, _ size: Int64) -> Int32 {
        guard let (disk, path) = fields(file) else { return SQLITE_MISUSE }
        disk.changed(path, .truncate(Int(size)))
        return call(file) { $0.xTruncate?($1, size) }
    }

    static func delete(
        _ vfs: UnsafeMutablePointer<sqlite3_vfs>?, _ path: UnsafePointer<CChar>?, _ sync: Int32
    ) -> Int32 {
        guard let path, let data = vfs?.pointee.pAppData else { return SQLITE_MISUSE }
        let disk = Unmanaged<FaultDisk>.fromOpaque(data).takeUnretainedValue()
        disk.deleted(String(cString: path))
        return disk.system.pointee.xDelete?(disk.system, path, sync) ?? SQLITE_MISUSE
    }

    private static func sync(_ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32) -> Int32 {
        guard let (disk, path) = fields(file) else { return SQLITE_MISUSE }
        let fault = disk.next(isWrite: false)
        guard fault == SQLITE_OK else { return fault }
        disk.synced(path)
        return call(file) { $0.xSync?($1, flags) }
    }

    private static func close(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Int32 {
        guard let file else { return SQLITE_MISUSE }
        UnsafeMutableRawPointer(file).assumingMemoryBound(to: FaultFile.self).pointee.path.release()
        return call(file) { $0.xClose?($1) }
    }

    // Version 1: a database that is locked exclusively needs no shared memory.
    nonisolated(unsafe) private static let methods: UnsafePointer<sqlite3_io_methods> = {
        var table = sqlite3_io_methods()
        table.iVersion = 1
        table.xClose = { close($0) }
        table.xRead = { file, bytes, count, offset in call(file) { $0.xRead?($1, bytes, count, offset) } }
        table.xWrite = { write($0, $1, $2, $3) }
        table.xTruncate = { truncate($0, $1) }
        table.xSync = { sync($0, $1) }
        table.xFileSize = { file, size in call(file) { $0.xFileSize?($1, size) } }
        table.xLock = { file, level in call(file) { $0.xLock?($1, level) } }
        table.xUnlock = { file, level in call(file) { $0.xUnlock?($1, level) } }
        table.xCheckReservedLock = { file, result in call(file) { $0.xCheckReservedLock?($1, result) } }
        table.xFileControl = { file, operation, argument in
            call(file) { $0.xFileControl?($1, operation, argument) }
        }
        table.xSectorSize = { file in call(file) { $0.xSectorSize?($1) } }
        table.xDeviceCharacteristics = { file in call(file) { $0.xDeviceCharacteristics?($1) } }
        let pointer = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        pointer.initialize(to: table)
        return UnsafePointer(pointer)
    }()
}
