import Glibc
import Linux
import Testing

@Suite struct FilesTests {
    @Test func `an error says what was tried on what and why`() {
        let error = LinuxError("write", path: "/sys/fs/cgroup/pids/x/pids.max", errno: ENOSPC)
        #expect(error.description == "write /sys/fs/cgroup/pids/x/pids.max: No space left on device")
        #expect(LinuxError("clone3", errno: EPERM).description == "clone3: Operation not permitted")
        let netlink = LinuxError("netlink newlink", path: "eth0", errno: EINVAL, detail: "Invalid MTU")
        #expect(netlink.description == "netlink newlink eth0: Invalid argument: Invalid MTU")
    }

    @Test func `an interrupted system call is repeated`() throws {
        var calls = 0
        let result = try systemCall("wait") { () -> Int in
            calls += 1
            errno = EINTR
            return calls < 3 ? -1 : 7
        }
        #expect(result == 7)
        #expect(calls == 3)
    }

    @Test func `a file longer than the limit is refused and never truncated`() throws {
        try withTemporaryDirectory { directory in
            try makeFile("\(directory)/f", "12345678")
            #expect(try readText("\(directory)/f", limit: 8) == "12345678")
            #expect(throws: LinuxError("read", path: "\(directory)/f", errno: EFBIG)) {
                try readFile("\(directory)/f", limit: 7)
            }
        }
    }

    @Test func `a kernel file is not created by writing it`() throws {
        try withTemporaryDirectory { directory in
            #expect(throws: LinuxError("open", path: "\(directory)/f", errno: ENOENT)) {
                try writeFile("\(directory)/f", "1")
            }
            #expect(!fileExists("\(directory)/f"))
        }
    }

    @Test func `a durable write replaces the content and sets the mode`() throws {
        try withTemporaryDirectory { directory in
            try makeFile("\(directory)/f", "a longer content than the new one")
            try makeFile("\(directory)/f.tmp", "left by a crash")
            try writeDurably("\(directory)/f", text: "new", mode: 0o640)
            #expect(try readText("\(directory)/f") == "new")
            #expect(try listDirectory(directory) == ["f"])
            var status = stat()
            #expect(lstat("\(directory)/f", &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o640)
        }
    }

    @Test func `a durable write that fails leaves the old content and no temporary file`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/f/inside")
            #expect(throws: LinuxError("rename", path: "\(directory)/f", errno: EISDIR)) {
                try writeDurably("\(directory)/f", text: "new")
            }
            #expect(try listDirectory(directory) == ["f"])
        }
    }

    @Test func `a durable removal of a missing file is no error`() throws {
        try withTemporaryDirectory { directory in
            try makeFile("\(directory)/f")
            try removeDurably("\(directory)/f")
            try removeDurably("\(directory)/f")
            #expect(!fileExists("\(directory)/f"))
        }
    }

    @Test func `directories are made with those above and made again without error`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/a/b/c")
            try makeDirectories("\(directory)/a/b/c")
            #expect(try listDirectory("\(directory)/a/b") == ["c"])
        }
    }

    @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("/a/b/", "/a"), ("a", "."), ("a/b", "a"), ("/", "/")])
    func `the parent of a path is found`(path: String, parent: String) {
        #expect(parentDirectory(of: path) == parent)
    }

    @Test func `removing a tree follows no symbolic link`() throws {
        try withTemporaryDirectory { directory in
            try makeFile("\(directory)/keep/file", "kept")
            try makeFile("\(directory)/tree/a/b/file")
            #expect(symlink("\(directory)/keep", "\(directory)/tree/a/link") == 0)
            #expect(symlink("missing", "\(directory)/tree/dangling") == 0)
            try removeTree("\(directory)/tree")
            try removeTree("\(directory)/tree")
            #expect(try listDirectory(directory) == ["keep"])
            #expect(try readText("\(directory)/keep/file") == "kept")
        }
    }

    @Test func `removing a symbolic link leaves what it leads to`() throws {
        try withTemporaryDirectory { directory in
            try makeFile("\(directory)/keep/file")
            #expect(symlink("\(directory)/keep", "\(directory)/link") == 0)
            try removeTree("\(directory)/link")
            #expect(try listDirectory(directory) == ["keep"])
            #expect(fileExists("\(directory)/keep/file"))
        }
    }

    @Test func `names that are not text are removed too`() throws {
        try withTemporaryDirectory { directory in
            try makeDirectories("\(directory)/tree")
            let tree = try Descriptor(opening: "\(directory)/tree", flags: O_RDONLY | O_DIRECTORY)
            let name: [CChar] = [102, -1, 0]
            try #require(mkdirat(tree.raw, name, 0o755) == 0)
            let inner = Descriptor(owning: openat(tree.raw, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
            try #require(mknodat(inner.raw, name, S_IFREG | 0o644, 0) == 0)
            try removeTree("\(directory)/tree")
            #expect(try listDirectory(directory) == [])
        }
    }

    @Test func `a tree deeper than the descriptors allow is removed`() throws {
        try withTemporaryDirectory { directory in
            var current = try Descriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY).release()
            for _ in 0..<2_000 {
                try #require(mkdirat(current, "d", 0o755) == 0)
                let next = openat(current, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                close(current)
                current = next
            }
            close(current)
            try removeTree("\(directory)/d")
            #expect(try listDirectory(directory) == [])
        }
    }
}
