import CNFTables
import Glibc
import Linux
import Synchronization

/// The kernel's packet filter (nftables) of one network namespace, by libnftables: see libnftables(3) and nft(8).
///
/// One handle is kept, whose socket is in the namespace: commands may come from any thread, one at a time. The library ends the
/// process where it cannot open its socket, which is why opening one is tried before.
final class PacketFilter: Sendable {
    private let handle: Mutex<Handle>
    private let socket: KernelNetlinkSocket

    /// Opens the packet filter of the namespace that a file names.
    init(namespacePath: String) throws(LinuxError) {
        let namespace = try NetworkNamespace(path: namespacePath)
        socket = try namespace.run { () throws(LinuxError) in
            try KernelNetlinkSocket(protocol: Netlink.netfilter)
        }
        let opened = try namespace.run { () throws(LinuxError) in
            guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
                throw LinuxError("open packet filter", errno: ENOMEM)
            }
            return Handle(context: context)
        }
        handle = Mutex(opened)
    }

    deinit { handle.withLock { nft_ctx_free($0.context) } }

    /// Runs commands as nft(8) reads them, all in one transaction, and returns what they print.
    ///
    /// - Throws: What the library says of the first command that failed; then none has had an effect.
    @discardableResult
    func run(_ commands: String) throws(LinuxError) -> String {
        let result = handle.withLock { handle in
            Result { () throws(LinuxError) in try handle.run(commands) }
        }
        return try result.get()
    }

    /// The number of the last change that anybody made to the packet filter of the namespace.
    func generation() throws(LinuxError) -> UInt32 {
        let answer = try socket.exchange(NetfilterMessage.generation())
        for message in answer {
            if let number = NetfilterMessage.generation(of: message) { return number }
        }
        throw LinuxError("read the packet filter's generation", errno: EBADMSG)
    }

    /// The library's handle; used under the lock only, and freed by its owner.
    private struct Handle: @unchecked Sendable {
        let context: OpaquePointer

        init(context: OpaquePointer) {
            self.context = context
            nft_ctx_buffer_output(context)
            nft_ctx_buffer_error(context)
            nft_ctx_output_set_flags(
                context, UInt32(NFT_CTX_OUTPUT_NUMERIC_ALL | NFT_CTX_OUTPUT_STATELESS))
        }

        func run(_ commands: String) throws(LinuxError) -> String {
            let code = nft_run_cmd_from_buffer(context, commands)
            let output = nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? ""
            let words = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
            guard code == 0 else {
                // `errno` is whatever was tried last; the kernel's answer is in the words alone.
                let isMissing = words.contains("No such file or directory")
                throw LinuxError(
                    "use packet filter", errno: isMissing ? ENOENT : EINVAL, detail: Self.firstLine(words))
            }
            return output
        }

        /// What was wrong, without the picture of the place.
        private static func firstLine(_ words: String) -> String? {
            let line = words.split(separator: "\n").first { $0.contains("Error") } ?? words.split(separator: "\n").first
            return line.map(String.init)
        }
    }
}
