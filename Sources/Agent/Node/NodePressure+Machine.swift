import Linux

extension NodePressure {
    /// Looks at this machine.
    init(path: String) {
        self.init(
            path: path, room: try? FileSystemRoom(path: path), machine: MachineRoom(),
            descriptors: Int64((try? listDirectory("/proc/self/fd").count) ?? 0),
            descriptorLimit: Int64(clamping: DescriptorLimit().soft))
    }
}
