import Glibc
import Linux
import PKI

extension LocalImageStore {
    /// The images that are here, the first imported first.
    public func list() throws(RuntimeError) -> [ImageRecord] {
        try records.all().filter { !$0.isForgotten }
            .sorted { ($0.importedAt, $0.id.hex) < ($1.importedAt, $1.id.hex) }
            .map { image in
                ImageRecord(
                    id: image.imageID, references: image.references.sorted(), sizeBytes: size(of: image),
                    importedAt: image.importedAt, platform: image.platform)
            }
    }

    private func size(of image: StoredImage) -> Int64 {
        var seen = Set<Digest>()
        return image.layers.filter { seen.insert($0.diffID).inserted }.reduce(0) { $0 + layerBytes($1) }
    }

    /// Forgets an image: by a reference that reference only, unless it was the last, by identity or unique prefix all
    /// of them. Containers that use it keep what they have; the next garbage collection without them removes it.
    public func remove(_ reference: String) throws(RuntimeError) {
        try records.changing { () throws(RuntimeError) in
            if var image = try records.all().first(where: { $0.has(reference) }) {
                image.references.removeAll { $0 == reference }
                image.isForgotten = image.references.isEmpty
                return try records.save(image)
            }
            guard case .identity(let prefix) = try ImageReference(parsing: reference).location else {
                throw RuntimeError(.notFound, "image \"\(reference)\": is not on this node")
            }
            var image = try match(prefix: prefix, in: reference)
            image.references = []
            image.isForgotten = true
            try records.save(image)
        }
    }

    /// The image whose identity starts with some digits, or has them as another digest in full.
    func match(prefix: String, in reference: String) throws(RuntimeError) -> StoredImage {
        let here = try records.all().filter { !$0.isForgotten }
        var matching = here.filter { $0.id.hex.hasPrefix(prefix) }
        if matching.isEmpty { matching = here.filter { $0.aliases.contains { $0.hex == prefix } } }
        guard let image = matching.first else {
            throw RuntimeError(.notFound, "image \"\(reference)\": is not on this node")
        }
        guard matching.count == 1 else {
            let ids = matching.map(\.id.text).joined(separator: ", ")
            throw RuntimeError(.invalid, "image \"\(reference)\": more than one image starts like that: \(ids)")
        }
        return image
    }

    /// Removes blobs and layers that no image in the store uses, blobs of layers that are unpacked, and images that are
    /// not in use and have no reference; returns the bytes freed. Waits for imports that are on their way.
    public func collectGarbage(inUse: Set<ImageID>) throws(RuntimeError) -> Int64 {
        let lock = try FileLock("\(directory)/store.lock", LOCK_EX)
        defer { lock.hold() }
        return try records.changing { () throws(RuntimeError) in
            let all = try records.all()
            let kept = all.filter { inUse.contains($0.imageID) || !($0.isForgotten || $0.references.isEmpty) }
            let keptIDs = Set(kept.map(\.id))
            // Records first: a record whose files are gone would be a broken image after a crash.
            for image in all where !keptIDs.contains(image.id) { try records.delete(image.id) }
            return try removeLayers(except: kept) + removeBlobs(except: kept)
        }
    }

    private func removeLayers(except images: [StoredImage]) throws(RuntimeError) -> Int64 {
        let kept = Set(images.flatMap(\.layers).map(\.diffID.hex))
        let parent = "\(directory)/layers/sha256"
        var freed: Int64 = 0
        for name in try storing({ () throws(LinuxError) in try listDirectory(parent) }) where !kept.contains(name) {
            let path = "\(parent)/\(name)"
            if let diffID = Digest.sha256(name) {
                let blob = BlobDescriptor(mediaType: "", digest: diffID, size: 0)
                freed += layerBytes(StoredImage.Layer(blob: blob, diffID: diffID))
            }
            // Away from its name first: a layer that is there is whole.
            let scratch = self.scratch.next("removed")
            try storing { () throws(LinuxError) in
                try systemCall("rename", path: path) { rename(path, scratch) }
                try removeTree(scratch)
            }
        }
        try storing { () throws(LinuxError) in try syncDirectory(parent) }
        return freed
    }

    private func removeBlobs(except images: [StoredImage]) throws(RuntimeError) -> Int64 {
        var kept = Set<String>()
        for image in images {
            kept.formUnion([image.id.hex, image.config.digest.hex])
            kept.formUnion(image.layers.filter { !isUnpacked($0.diffID) }.map(\.blob.digest.hex))
        }
        var freed: Int64 = 0
        for name in try storing({ () throws(LinuxError) in try listDirectory(blobs.directory) })
        where !kept.contains(name) {
            freed += Digest.sha256(name).flatMap { blobs.size($0) } ?? 0
            try storing { () throws(LinuxError) in try removeTree("\(blobs.directory)/\(name)") }
        }
        try blobs.sync()
        return freed
    }
}
