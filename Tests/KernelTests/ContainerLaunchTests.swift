import ContainerRuntime
import Glibc
import Linux
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct `Containers on the kernel` {
    @Test func `a program runs and its exit code comes back`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let (end, output) = try fixture.run(fixture.shell("echo hello; exit 7"))
        #expect(end.phase == .exited(exitCode: 7, signal: nil, outOfMemory: false))
        #expect(output == "hello")
    }
}
