/// What each target may import of the package and the system: the architecture as data. `docs/architecture.md` shows the same table,
/// and a test compares the two.
let importTable: [String: Set<String>] = [
    // Layer 0: values, and what Swift cannot call.
    "Model": [],
    "Failpoints": ["Glibc", "Synchronization"],
    "Consistency": [],

    // Layer 1: pure decisions, and the operating system.
    "Controllers": ["Model"],
    "Scheduler": ["Model"],
    "Linux": ["CLinux", "Failpoints", "Glibc", "Synchronization"],
    "YAML": ["CYAML"],
    "Threads": ["Model", "Glibc"],
    "PKI": ["CGnuTLS", "Glibc"],

    // Layer 2: one concern each.
    "Manifest": ["Model", "YAML", "Glibc"],
    "Store": ["Model", "Failpoints", "Threads", "CSQLite", "Glibc", "Synchronization"],
    "Wire": ["Model"],
    "Supervision": ["Model", "Failpoints", "Linux", "CLinux", "Glibc", "Synchronization"],
    "ContainerRuntime": [
        "Model", "Failpoints", "Threads", "Linux", "CLinux", "Supervision", "PKI", "CSeccomp", "CCap", "CArchive",
        "Glibc",
        "Synchronization",
    ],
    "Network": ["Model", "Failpoints", "Threads", "Linux", "CLinux", "CNFTables", "Glibc", "Synchronization"],
    "Proxy": ["Model"],
    "HTTP": ["Wire", "Threads", "PKI", "CMicroHTTPD", "CGnuTLS", "CLinux", "Glibc", "Synchronization"],

    // Layer 3: the loop, and the node.
    "ControlPlane": ["Model", "Threads", "Controllers", "Scheduler", "Store", "Glibc", "Synchronization"],
    "DataPlane": [
        "Model", "Failpoints", "Threads", "Linux", "CLinux", "Network", "Proxy", "Glibc", "Synchronization",
    ],
    "Agent": [
        "Model", "Failpoints", "Threads", "Wire", "Linux", "Supervision", "ContainerRuntime", "Network", "Proxy",
        "Glibc", "Synchronization",
    ],

    // Layer 4: the API's two ends.
    "APIServer": [
        "Model", "Failpoints", "Threads", "Wire", "Store", "ControlPlane", "HTTP", "YAML", "Glibc", "Synchronization",
    ],
    "Client": ["Model", "Wire", "YAML", "CCurl", "CLinux", "Glibc", "Synchronization"],

    // Layer 5: the program.
    "Commands": [
        "Model", "Failpoints", "Controllers", "Threads", "Manifest", "Store", "Wire", "Linux", "PKI",
        "ContainerRuntime", "Network", "Supervision", "Proxy", "DataPlane",
        "ControlPlane",
        "Agent", "APIServer", "Client", "HTTP", "YAML", "CLinux", "Glibc", "Synchronization",
    ],
    // Beside the program: the whole of it on a simulated clock.
    "Simulation": [
        "Model", "Controllers", "Store", "Wire", "HTTP", "ContainerRuntime", "ControlPlane", "Agent", "APIServer",
        "Client",
        "Commands",
    ],
    "martlet-simulate": ["Simulation", "Model", "Glibc"],
    "martlet": ["Commands"],
    "martlet-supervisor": ["Supervision", "Linux", "Model", "CLinux", "Glibc"],

    // Layer 6: the benchmarks, in `Benchmarks/`.
    "BenchmarkReport": ["Model"],
    "launch": ["ContainerRuntime", "Linux", "CLinux", "Model", "Threads", "Glibc"],
    "martlet-bench": [
        "BenchmarkReport", "Model", "Threads", "Linux", "CLinux", "PKI", "Network", "Proxy", "DataPlane", "Agent",
        "Client", "Commands", "CCurl", "Glibc", "Synchronization",
    ],
    "pod-server": ["CLinux", "Glibc"],
]

/// Targets that decide: no clock, no randomness, no input or output, no threads.
let pureTargets: Set<String> = ["Model", "Consistency", "Controllers", "Scheduler", "Proxy", "BenchmarkReport"]

/// Words that decisions cannot contain, with why.
let impureWords: [(word: String, why: String)] = [
    ("Date(", "decisions receive the present moment"), ("ContinuousClock", "decisions receive the present moment"),
    ("SuspendingClock", "decisions receive the present moment"), ("SystemRandomNumberGenerator", "ids are passed in"),
    (".random(", "ids are passed in"), (".shuffled(", "ids are passed in"), ("UUID(", "ids are passed in"),
    ("async ", "decisions are synchronous"), ("await ", "decisions are synchronous"),
    ("Task {", "decisions are synchronous"),
]

/// Words that no target contains, with why.
let bannedWords: [(word: String, why: String)] = [
    ("try!", "handle the error"), ("fatalError(", "return or throw an error"),
    ("Task.detached", "every thread has an owner"),
    ("Task {", "every thread has an owner"), ("DispatchQueue", "threads are explicit"),
    ("import Foundation", "it brings ICU into the binary"),
    ("FIXME", "mend it"), ("XXX", "mend it"),
]
