import Controllers
import Model
import Synchronization

/// Finds the digest that an image reference stands for now.
public protocol ImageResolver: Sendable {
    /// Looks a reference up; may block for as long as a registry takes.
    ///
    /// - Returns: `sha256:...`; nil for what has no digest, such as `rootfs:` directories.
    func resolve(_ reference: String) -> Result<String?, ImageResolutionError>
}

/// Why a reference could not be resolved.
public struct ImageResolutionError: Error, Hashable, Sendable {
    /// What is wrong, in lower case, without a full stop.
    public var message: String

    /// Makes an error.
    public init(message: String) { self.message = message }
}

/// Resolves images on threads of its own, so that a slow registry holds nothing else up.
final class ImageWorkers: Sendable {
    private struct Work {
        var requests: [ImageRequest] = []
        var isStopped = false
    }
    private let work = Mutex(Work())
    private let signals: [WakeSignal]
    private let threads = Mutex<[WorkerThread]>([])

    init(count: Int, resolver: any ImageResolver, inbox: Inbox) {
        signals = (0..<max(1, count)).map { _ in WakeSignal() }
        let started = signals.map { signal in
            WorkerThread { [weak self] in
                while let request = Self.next(self, signal) {
                    inbox.deliver(ImageResolution(request, resolver.resolve(request.reference)), to: request)
                }
            }
        }
        threads.withLock { $0 = started }
    }

    func submit(_ request: ImageRequest) {
        work.withLock { $0.requests.append(request) }
        for signal in signals { signal.raise() }
    }

    /// Asks the threads to end after what they resolve now; a resolver that hangs is not waited for.
    func stop() {
        work.withLock {
            $0.requests = []
            $0.isStopped = true
        }
        for signal in signals { signal.raise() }
    }

    private static func next(_ workers: ImageWorkers?, _ signal: WakeSignal) -> ImageRequest? {
        while let workers {
            let (request, isStopped) = workers.work.withLock { work -> (ImageRequest?, Bool) in
                (work.requests.isEmpty ? nil : work.requests.removeFirst(), work.isStopped)
            }
            if isStopped { return nil }
            if let request { return request }
            signal.wait(atMost: .hours(1))
        }
        return nil
    }
}

extension ImageResolution {
    init(_ request: ImageRequest, _ result: Result<String?, ImageResolutionError>) {
        switch result {
        case .success(let digest): self.init(reference: request.reference, digest: digest)
        case .failure(let error): self.init(reference: request.reference, digest: nil, error: error.message)
        }
    }
}
