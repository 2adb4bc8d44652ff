import Glibc
import Linux
import Testing

@testable import ContainerRuntime

@Suite struct LaunchUserTests {
    private var resolver: UserResolver {
        let passwords =
            "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/home/web:/bin/sh\nbad:x:-1:5::/:\n#c:x:1:1::/:\n"
        let groups = "root:x:0:\nweb:x:1001:\nextra:x:2000:web,other\nlow:x:5:web\n"
        return UserResolver(
            passwords: PasswordEntry.parse(Array(passwords.utf8)), groups: GroupEntry.parse(Array(groups.utf8)))
    }

    @Test(
        arguments: [
            (nil, 0, 0, [0]), ("root", 0, 0, [0]), ("0", 0, 0, [0]), ("web", 1000, 1001, [1001, 5, 2000]),
            ("1000", 1000, 1001, [1001, 5, 2000]), ("web:extra", 1000, 2000, [2000]), ("web:7", 1000, 7, [7]),
            ("2147483647", 2_147_483_647, 0, [0]),
        ] as [(String?, UInt32, UInt32, [UInt32])])
    func `a user and its groups are found`(text: String?, user: UInt32, group: UInt32, groups: [UInt32]) throws {
        let resolved = try resolver.resolve(image: text, userID: nil, groupID: nil)
        #expect((resolved.user, resolved.group) == (user, group))
        #expect(resolved.groups == groups)
    }

    @Test(arguments: [
        "1000:", ":", ":0", "abc", "+5", "-1", "0x3e8", "4294967296", "4294967295", "2147483648", "1000:99999999999",
        "1000:nope", "a:b:c", " 1000", "1000 ", "00000000000", "bad", "c", "#c",
    ])
    func `a user that is not understood is refused, never root`(text: String) throws {
        let error = #expect(throws: RuntimeError.self) {
            try resolver.resolve(image: text, userID: nil, groupID: nil)
        }
        #expect(error?.code == .invalid)
    }

    @Test func `numbers of the configuration stand over the image's`() throws {
        let user = try resolver.resolve(image: "web:extra", userID: 1000, groupID: nil)
        #expect((user.user, user.group) == (1000, 1001))
        let group = try resolver.resolve(image: "web", userID: nil, groupID: 9)
        #expect((group.user, group.group) == (1000, 9))
        #expect(group.groups == [9])
        #expect(throws: RuntimeError.self) { try resolver.resolve(image: nil, userID: .max, groupID: nil) }
    }

    @Test func `files are those of the top layer that has them, or none where it removed them`() throws {
        let directory = "/tmp/martlet-test-layers-\(getpid())"
        defer { try? removeTree(directory) }
        let layers = ["top", "middle", "base"].map { "\(directory)/\($0)" }
        for layer in layers { try makeDirectories("\(layer)/etc") }
        try writeFile("\(layers[2])/etc/passwd", create: "base")
        try writeFile("\(layers[2])/etc/group", create: "base")
        try writeFile("\(layers[1])/etc/group", create: "middle")
        let files = LayerFiles(layers: layers)
        func read(_ name: String) throws -> String? {
            try files.read(directory: "etc", name: name).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(try read("passwd") == "base")
        #expect(try read("group") == "middle")
        #expect(try read("shadow") == nil)
        // A link leads no further than the layer.
        symlink("/../../../../../../../../etc/hostname", "\(layers[0])/etc/shadow")
        #expect(try read("shadow") == nil)
        if geteuid() == 0 {
            mknod("\(layers[0])/etc/passwd", S_IFCHR, 0)
            #expect(try read("passwd") == nil)
        }
    }

    @Test func `CVE-2026-47262: an account file that is too long is refused`() throws {
        let directory = "/tmp/martlet-test-long-\(getpid())"
        defer { try? removeTree(directory) }
        try makeDirectories("\(directory)/etc")
        try writeFile("\(directory)/etc/passwd", create: "")
        truncate("\(directory)/etc/passwd", 1 << 30)
        let error = #expect(throws: RuntimeError.self) {
            try LayerFiles(layers: [directory]).read(directory: "etc", name: "passwd")
        }
        #expect(error?.code == .badImage)
    }
}
