import APIServer
import ControlPlane
import Controllers
import HTTP
import Model
import Store

/// The server's machine: its disk, and the process that is started, killed and started again.
final class Server {
    private unowned let world: World
    private(set) var disk: Disk
    /// The process; nil while it is down.
    private(set) var process: ServerProcess?
    private var epoch = 0
    /// How often a process was started.
    var starts: Int { epoch }
    private var stalledUntil = TimeSpan.zero
    /// When the server next takes requests that were held up by its disk.
    var readyAt: TimeSpan { max(stalledUntil, world.now) }

    init(_ world: World) {
        self.world = world
        disk = Disk(world)
    }

    /// Whether a process is the one that runs.
    func isRunning(_ epoch: Int) -> Bool { process != nil && epoch == self.epoch }

    /// Starts the process from what is on the disk, and the faults.
    func start() {
        launch()
        world.repeatedly(.serverCrash, "server") { [unowned self] in crash("at some moment") }
        world.repeatedly(.diskFull, "disk") { [unowned self] in disk.fillUp() }
        world.repeatedly(.diskSlow, "disk") { [unowned self] in
            let wait = world.draw("disk") { $0.span(.milliseconds(100)...(.seconds(10))) }
            stalledUntil = max(stalledUntil, world.now + wait)
            world.note("disk", "takes \(wait)")
        }
    }

    private func launch() {
        guard process == nil else { return }
        epoch += 1
        let commits = disk.open(by: epoch)
        let process = ServerProcess(world, epoch: epoch, disk: disk, commits: commits)
        self.process = process
        world.note("server", "starts at revision \(process.store.revision)")
        world.observe(
            .recovered(
                revision: process.store.revision, objects: process.store.list(StoreScope(type: nil)).objects))
        process.wake()
    }

    /// Kills the process; it comes back after a while.
    func crash(_ why: String) {
        guard let dying = process else { return }
        world.note("server", "is killed \(why)")
        process = nil
        dying.die()
        world.after(world.draw("server") { $0.span(.milliseconds(300)...(.seconds(20))) }) { [unowned self] in launch()
        }
    }

    /// Ends the process for good.
    func shutDown() {
        let dying = process
        process = nil
        dying?.die()
        withExtendedLifetime(dying) {}
    }

    /// The store refuses every write: whoever looks after the server starts it again.
    func fail() { crash("because its store failed") }

    /// Brings the server up for good.
    func heal() {
        stalledUntil = .zero
        launch()
        if process?.isBroken == true {
            crash("because its store failed")
            launch()
        }
        process?.lag.release()
    }

    /// Has the loop look again, as when the clock was set.
    func wake() { process?.wake() }

    /// Carries out a request; nil when the server is down, or goes down before it has answered.
    func handle(_ request: HTTPRequest) -> APIAnswer? {
        guard let process else { return nil }
        let answer = process.handle(request)
        guard self.process === process else { return nil }
        if let status = answer?.status, status < 500 { world.history.acknowledge(process.store.revision) }
        return answer
    }

    /// Opens a watch; nil when the server is down or refuses.
    func watch(_ request: HTTPRequest, _ stream: WatchStream) -> Bool {
        guard let process else { return false }
        return process.watch(request, stream)
    }
}

/// An answer of the API.
struct APIAnswer {
    let status: Int
    let body: [UInt8]
}
