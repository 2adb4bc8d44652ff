import CLinux
import ContainerRuntime
import Glibc
import Linux
import PKI
import Testing

struct ImagesUnpackTests {
    @Test(arguments: Unpacker.allCases)
    func `modes, owners, times, links and special files are kept`(unpacker: Unpacker) throws {
        let test = try TestStore()
        let layer = try test.unpack(
            [
                .directory("./", mode: 0o711), .directory("d", mode: 0o1777),
                TarEntry("d/setuid") {
                    $0.mode = 0o4755
                    $0.owner = 1000
                    $0.group = 2000
                    $0.content = Array("x".utf8)
                },
                .hardLink("d/hard", to: "d/setuid"), .symbolicLink("soft", to: "/etc/passwd"),
                TarEntry("fifo") {
                    $0.type = "6"
                    $0.mode = 0o620
                },
                TarEntry("null") {
                    $0.type = "3"
                    $0.device = (1, 3)
                    $0.mode = 0o666
                },
                .directory("read-only", mode: 0o555), .file("read-only/file"),
            ], unpacker: unpacker.make())
        #expect(status(layer)?.permissions == 0o711)
        #expect(status("\(layer)/d")?.permissions == 0o1777)
        let setuid = try #require(status("\(layer)/d/setuid"))
        #expect(setuid.permissions == 0o4755)
        #expect((setuid.st_uid, setuid.st_gid) == (1000, 2000))
        #expect(setuid.st_nlink == 2)
        #expect(status("\(layer)/d/hard")?.st_ino == setuid.st_ino)
        for name in ["d", "d/setuid", "soft", "fifo", "null", "read-only", "read-only/file"] {
            #expect(status("\(layer)/\(name)")?.st_mtim.tv_sec == 1_600_000_000, "\(name)")
        }
        #expect(status("\(layer)/soft")?.kind == S_IFLNK)
        #expect(status("\(layer)/fifo")?.kind == S_IFIFO)
        #expect(status("\(layer)/fifo")?.permissions == 0o620)
        #expect(status("\(layer)/null")?.kind == S_IFCHR)
        #expect(status("\(layer)/null")?.st_rdev == 0x103)
        #expect(status("\(layer)/read-only")?.permissions == 0o555)
    }

    @Test(arguments: Unpacker.allCases)
    func `file capabilities and user attributes are kept, what overlayfs reads is not`(unpacker: Unpacker) throws {
        let test = try TestStore()
        // CAP_NET_RAW permitted and effective, revision 2: capabilities(7), "File capability extended attribute".
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let layer = try test.unpack(
            [
                TarEntry.file("ping", "x").attribute("security.capability", capability),
                TarEntry.directory("d").attribute("user.note", [1, 0, 2])
                    .attribute("trusted.overlay.opaque", Array("y".utf8))
                    .attribute("trusted.other", [1]).attribute("user.overlay.opaque", Array("y".utf8))
                    .attribute("security.selinux", Array("x".utf8)),
            ], unpacker: unpacker.make())
        #expect(attribute("\(layer)/ping", "security.capability") == capability)
        #expect(attribute("\(layer)/d", "user.note") == [1, 0, 2])
        for name in ["trusted.overlay.opaque", "trusted.other", "user.overlay.opaque", "security.selinux"] {
            #expect(attribute("\(layer)/d", name) == nil, "\(name)")
        }
    }

    @Test(arguments: Unpacker.allCases)
    func `whiteouts are overlayfs's, in any order with what the layer itself has`(unpacker: Unpacker) throws {
        let test = try TestStore()
        let layer = try test.unpack(
            [
                .file("gone/.wh.deep"), .file(".wh.gone-file"), .directory("opaque"), .file("opaque/.wh..wh..opq"),
                .file("opaque/new"), .file("later/.wh..wh..opq"),
                .file("kept"), .file(".wh.kept"), .file(".wh.replaced"), .file("replaced", "new"),
                .directory("dir-first"), .file(".wh.dir-first"), .file(".wh.dir-last"), .directory("dir-last"),
                .file(".wh.implied"), .file("implied/x"), .file(".wh..wh.aufs"), .file(".wh..wh.plnk/1.2"),
            ], unpacker: unpacker.make())
        for name in ["gone/deep", "gone-file"] {
            #expect(status("\(layer)/\(name)")?.isWhiteout == true, "\(name)")
        }
        for name in ["opaque", "later", "dir-first", "dir-last", "implied"] {
            #expect(attribute("\(layer)/\(name)", "trusted.overlay.opaque") == Array("y".utf8), "\(name)")
        }
        #expect(attribute("\(layer)/gone", "trusted.overlay.opaque") == nil)
        #expect(status("\(layer)/kept")?.kind == S_IFREG)
        #expect(try readText("\(layer)/replaced") == "new")
        #expect(
            try listDirectory(layer) == [
                "dir-first", "dir-last", "gone", "gone-file", "implied", "kept", "later", "opaque", "replaced",
            ])
    }

    @Test func `the kernel sees through the layers what the image means`() throws {
        let test = try TestStore()
        let store = try test.open(unpacker: Unpacker.helper.make())
        let image = TestImageBuilder([
            [.file("a", "1"), .file("b", "1"), .file("d/old"), .file("e/old"), .directory("f"), .file("f/old")],
            [.file(".wh.a"), .file("d/.wh..wh..opq"), .file("d/new"), .file("e/.wh.old"), .file("f", "file now")],
        ])
        let id = try store.resolve(try test.layout(TestLayout(image)))
        let directories = try store.unpacked(id).layerDirectories.joined(separator: ":")
        try makeDirectories("\(test.root)/merged")
        let script = """
            mount -t overlay overlay -o ro,lowerdir=\(directories) \(test.root)/merged
            cd \(test.root)/merged && find . -mindepth 1 | sort | tr '\\n' ' '
            """
        #expect(try run(["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", script]) == "./b ./d ./d/new ./e ./f ")
    }

    @Test func `names are bytes: no encoding is assumed and none is normalized`() throws {
        let test = try TestStore()
        let decomposed = Array("e\u{301}".utf8)
        let layer = try test.unpack([
            TarEntry("x") { $0.pax = [("path", Array("pax-".utf8) + decomposed)] },
            TarEntry("x") { $0.name = Array("ustar-".utf8) + decomposed },
            TarEntry("x") { $0.name = Array("latin-".utf8) + [0xE9] },
        ])
        let names = try run(["/bin/sh", "-c", "ls \(layer) | od -An -v -tx1 | tr -d ' \\n'"])
        #expect(names == "6c6174696e2de90a" + "7061782d65cc810a" + "75737461722d65cc810a")
    }

    @Test func `CVE-2025-62518: what a pax header says is the size, whatever the other header says`() throws {
        let test = try TestStore()
        let hidden = TarEntry.file("hidden", "evil").bytes
        let layer = try test.unpack([
            TarEntry("outer") {
                $0.content = hidden
                $0.claimedSize = 0
                $0.pax = [("size", Array("\(hidden.count)".utf8))]
            }, .file("after", "x"),
        ])
        #expect(try listDirectory(layer) == ["after", "outer"])
        #expect(try readFile("\(layer)/outer") == hidden)
    }

    @Test func `a later entry replaces an earlier one of the same name`() throws {
        let test = try TestStore()
        let layer = try test.unpack([
            .file("a", "1"), .file("a", "2"), .directory("b"), .file("b/x"), .file("b", "file"),
            .symbolicLink("c", to: "a"), .file("c", "own"), .symbolicLink("d", to: "b"), .directory("d"), .file("d/x"),
            .directory("e"), .file("e/kept"), .directory("e", mode: 0o700), .hardLink("a", to: "a"),
        ])
        #expect(try readText("\(layer)/a") == "2")
        #expect(try readText("\(layer)/b") == "file")
        #expect(try readText("\(layer)/c") == "own")
        #expect(try listDirectory("\(layer)/d") == ["x"])
        #expect(try listDirectory("\(layer)/e") == ["kept"])
        #expect(status("\(layer)/e")?.permissions == 0o700)
    }

    @Test func `a path over a symbolic link of the layer stays in the layer`() throws {
        let test = try TestStore()
        let layer = try test.unpack([
            .directory("usr/lib"), .symbolicLink("lib", to: "/usr/lib"), .file("lib/libc.so", "x"),
            .symbolicLink("up", to: "../../usr/lib"), .file("up/libm.so", "y"),
        ])
        #expect(try listDirectory("\(layer)/usr/lib") == ["libc.so", "libm.so"])
    }

    @Test func `the helper can do nothing but make files in its directory`() throws {
        let test = try TestStore()
        try makeDirectories("\(test.root)/target")
        let target = try Descriptor(opening: "\(test.root)/target", flags: O_RDONLY | O_DIRECTORY)
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        let helper = Thread {
            let archive = Descriptor(owning: reading)
            _ = try? Unpacker.helper.make().unpack(.layer, archive: archive, into: target, limits: UnpackLimits())
        }
        // More than the socket holds: when this returns, the helper has begun to read, and has confined itself before.
        let zeros = [UInt8](repeating: 0, count: 4 << 20)
        try writeAll(writing, zeros, path: "socket")
        // Other tests have helpers too, but none of them reads a socket.
        let pid = try #require(try children().first { linkTarget("/proc/\($0)/fd/0")?.hasPrefix("socket:") == true })
        let status = try readText("/proc/\(pid)/status")
        let allowed = "000000000800001b"  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD; SETFCAP is bit 31.
        let mask = String(UInt64(allowed, radix: 16).map { $0 | 1 << 31 } ?? 0, radix: 16)
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            #expect(status.contains("\(set):\t\(String(repeating: "0", count: 16 - mask.count))\(mask)"), "\(status)")
        }
        #expect(status.contains("CapInh:\t0000000000000000"))
        #expect(status.contains("CapAmb:\t0000000000000000"))
        #expect(status.contains("NoNewPrivs:\t1"))
        #expect(linkTarget("/proc/\(pid)/root") == "\(test.root)/target")
        #expect(try listDirectory("/proc/\(pid)/fd") == ["0", "1", "2", "3"])
        #expect(try readFile("/proc/\(pid)/environ").isEmpty)
        shutdown(writing, Int32(SHUT_RDWR))
        close(writing)
        helper.join()
    }
}
