import Model

/// One thing that a user does.
public struct UserOperation: Sendable, Hashable {
    /// What it is.
    enum Action: Hashable, Sendable {
        /// Makes or replaces an App by server-side apply.
        case apply(app: String, image: String, replicas: Int, cpu: Int64, config: Bool)
        case scale(app: String, replicas: Int)
        case setImage(app: String, image: String)
        case setEnvironment(app: String, value: Int)
        case setLabel(app: String, value: Int)
        case setConfig(value: Int)
        case deleteConfig
        case deleteApp(app: String)
        /// Replaces the App by a read, a change, and a write that names the version read.
        case replace(app: String, value: Int)
        /// Deletes some pod of an App; at once, without waiting for its node, or with its grace period.
        case deletePod(app: String, isForced: Bool)
        case deleteNamespace
        case createNamespace
        case read(app: String)
        /// Cordons a node, or takes it back.
        case cordon(node: Int, isCordoned: Bool)
    }

    /// Its place among all operations of the seed.
    public let number: Int
    /// When it is done.
    let time: TimeSpan
    /// In which namespace.
    let namespace: String
    /// What it is.
    let action: Action

    /// The namespaces that users work in.
    static let namespaces = ["default", "shop"]
    /// The names of their Apps.
    static let apps = ["web", "api", "job"]
    /// The name of their settings.
    static let config = "settings"

    /// Draws what users do.
    static func all(seed: UInt64, count: Int, seconds: Int) -> [UserOperation] {
        var random = SeededRandom(seed: seed, stream: "operations")
        let times = (0..<count).map { _ in
            random.span(.seconds(2)...max(.seconds(3), .seconds(Int64(seconds) * 9 / 10)))
        }
        var operations = [UserOperation(number: 0, time: .seconds(1), namespace: "shop", action: .createNamespace)]
        for (index, time) in times.sorted().enumerated() {
            let namespace = random.pick(namespaces)
            let action = index < 2 ? applied(&random) : action(&random)
            operations.append(UserOperation(number: index + 1, time: time, namespace: namespace, action: action))
        }
        return operations
    }

    /// Images by what they do; see `Image`.
    private static let images = [
        "oci:/images/good:1", "oci:/images/good:2", "oci:/images/good:3", "oci:/images/good:4",
        "oci:/images/slow:1", "oci:/images/stubborn:1", "oci:/images/crashing:1", "oci:/images/ending:1",
        "oci:/images/missing:1", "rootfs:/roots/good",
    ]

    private static func applied(_ random: inout SeededRandom) -> Action {
        .apply(
            app: random.pick(apps), image: random.pick(images), replicas: random.below(6),
            cpu: random.pick([100, 100, 300, 600, 2500]), config: random.below(3) == 0)
    }

    private static func action(_ random: inout SeededRandom) -> Action {
        let app = random.pick(apps)
        switch random.below(100) {
        case ..<22: return applied(&random)
        case ..<36: return .scale(app: app, replicas: random.below(8))
        case ..<48: return .setImage(app: app, image: random.pick(images))
        case ..<53: return .setEnvironment(app: app, value: random.below(4))
        case ..<57: return .setLabel(app: app, value: random.below(4))
        case ..<63: return .setConfig(value: random.below(4))
        case ..<65: return .deleteConfig
        case ..<72: return .deleteApp(app: app)
        case ..<77: return .replace(app: app, value: random.below(4))
        case ..<85: return .deletePod(app: app, isForced: random.below(2) == 0)
        case ..<88: return .deleteNamespace
        case ..<92: return .createNamespace
        case ..<97: return .read(app: app)
        default: return .cordon(node: random.below(20), isCordoned: random.below(2) == 0)
        }
    }
}

/// What containers of an image do, by its reference.
enum Image {
    /// Runs until it is signalled.
    case good
    /// Ends some seconds after it is signalled.
    case slow
    /// Ends only when it is killed.
    case stubborn
    /// Ends with an error soon after it has started.
    case crashing
    /// Ends without an error soon after it has started.
    case ending
    /// Does not exist.
    case missing

    init(_ reference: String) {
        let kinds: [(word: String, kind: Image)] = [
            ("slow", .slow), ("stubborn", .stubborn), ("crashing", .crashing), ("ending", .ending),
            ("missing", .missing),
        ]
        self = kinds.first { reference.contains("/\($0.word)") }?.kind ?? .good
    }

    /// Whether a cluster that runs it comes to rest.
    var isSettling: Bool {
        switch self {
        case .good, .slow, .stubborn: true
        case .crashing, .ending, .missing: false
        }
    }
}
