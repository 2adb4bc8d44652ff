import Glibc
import Testing

@testable import Commands

@Test(arguments: Program.allCommands.filter { !$0.isHidden }.map(\.path))
func `docs/cli md mentions every command`(path: [String]) throws {
    // Tests/CommandsTests/THIS_FILE
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(root)/docs/cli.md", "re"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = fread(&bytes, 1, bytes.count, file)
    let page = String(decoding: bytes.prefix(count), as: UTF8.self)
    #expect(page.contains("| `martlet \(path.joined(separator: " "))` |"))
}
