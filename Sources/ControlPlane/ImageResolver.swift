import Controllers
import Model
import Threads

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
    private let requests = Mailbox<ImageRequest>()

    init(count: Int, resolver: any ImageResolver, inbox: Inbox) {
        let requests = requests
        for _ in 0..<max(1, count) {
            startThread {
                while let request = requests.receive() {
                    inbox.deliver(ImageResolution(request, resolver.resolve(request.reference)), to: request)
                }
            }
        }
    }

    func submit(_ request: ImageRequest) { requests.send(request) }

    /// Asks the threads to end after what they resolve now; a resolver that hangs is not waited for.
    func stop() {
        requests.close()
        _ = requests.receiveAll(waiting: .zero)
    }
}

/// Starts a thread that nobody waits for. A control plane that cannot have its threads cannot work at all.
private func startThread(_ body: @escaping @Sendable () -> Void) {
    do {
        try Thread.detach(body)
    } catch {
        preconditionFailure("\(error)")
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
