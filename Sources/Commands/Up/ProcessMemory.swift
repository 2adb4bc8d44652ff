import CLinux

/// Keeps `martlet up` as small as what it holds, not as large as what it once held.
enum ProcessMemory {
    /// How often it is looked at, in seconds.
    static let period = 5
    /// Less than this is not worth the work, nor the page faults when it is needed again.
    private static let mostFreeBytes = 2 << 20

    /// Before the first thread: glibc would give each its own heap, and each heap keeps what its threads once needed.
    /// Two are enough, because what is slow here waits for the disk and the kernel and not for memory.
    static func shareHeaps() { linux_share_memory_arenas(2) }

    /// Gives back what starting many containers has left over.
    static func giveBack() {
        if linux_free_memory() > mostFreeBytes { linux_release_memory() }
    }
}
