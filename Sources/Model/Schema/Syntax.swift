extension UInt8 {
    /// Whether this is an ASCII lower-case letter.
    var isASCIILower: Bool { (0x61...0x7A).contains(self) }
    /// Whether this is an ASCII digit.
    var isASCIIDigit: Bool { (0x30...0x39).contains(self) }
    /// Whether this is an ASCII letter or digit.
    var isASCIIAlphanumeric: Bool { isASCIILower || isASCIIDigit || (0x41...0x5A).contains(self) }
}

/// The syntaxes of names, as Kubernetes' `k8s.io/apimachinery/pkg/util/validation` has them.
enum Syntax {
    /// RFC 1123: lower-case letters, digits and `-`, with a letter or digit at both ends.
    static func isDNSLabel(_ text: String, limit: Int = 63) -> Bool {
        let bytes = Array(text.utf8)
        func isEnd(_ byte: UInt8?) -> Bool { byte.map { $0.isASCIILower || $0.isASCIIDigit } ?? false }
        return bytes.count <= limit && isEnd(bytes.first) && isEnd(bytes.last)
            && bytes.allSatisfy { $0.isASCIILower || $0.isASCIIDigit || $0 == 0x2D }
    }

    /// One or more DNS labels behind dots.
    static func isDNSSubdomain(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isDNSLabel(String($0)) }
    }

    /// RFC 6335 section 5.1, in lower case.
    static func isPortName(_ text: String) -> Bool {
        isDNSLabel(text, limit: 15) && text.utf8.contains { $0.isASCIILower } && !text.contains("--")
    }

    /// At most 63 characters, alphanumeric at both ends.
    private static func isQualifiedPart(_ text: Substring) -> Bool {
        guard text.utf8.count <= 63, let first = text.utf8.first, let last = text.utf8.last else { return false }
        return first.isASCIIAlphanumeric && last.isASCIIAlphanumeric
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
    }

    /// A name, or a DNS name, a slash and a name.
    static func isLabelKey(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isQualifiedPart(parts[0])
        case 2: return isDNSSubdomain(String(parts[0])) && isQualifiedPart(parts[1])
        default: return false
        }
    }

    /// Empty, or at most 63 characters.
    static func isLabelValue(_ text: String) -> Bool { text.isEmpty || isQualifiedPart(text[...]) }

    /// A file name: the keys of ConfigMaps and Secrets become files.
    static func isConfigKey(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text != "." && !text.hasPrefix("..")
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
    }

    /// What Kubernetes calls an environment variable name.
    static func isEnvironmentName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !first.isASCIIDigit else { return false }
        return text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
    }

    /// The longest path the kernel takes, with its NUL (`PATH_MAX`, path_resolution(7)).
    private static let pathLimit = 4096

    /// Starts with a slash, has no `..` and no NUL.
    static func isAbsolutePath(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.count < pathLimit && !text.utf8.contains(0)
            && !text.split(separator: "/").contains("..")
    }

    /// Does not start with a slash, is not empty, has no `..` and no NUL.
    static func isRelativePath(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix("/") && text.utf8.count < pathLimit && !text.utf8.contains(0)
            && !text.split(separator: "/").contains("..")
    }

    /// The number before the `%`; nil for anything else.
    static func percentage(_ text: String) -> Int? {
        guard text.hasSuffix("%"), case .percent(let percent)? = IntOrPercent(text), percent <= 10_000 else {
            return nil
        }
        return percent
    }

    /// Every capability of Linux 6 (capabilities(7)), and `ALL`.
    static let capabilities = [
        "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
        "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
        "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
        "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT",
        "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG",
        "WAKE_ALARM",
    ]

    /// The signals of signal(7) that have one number on all architectures we run on.
    static let signals = [
        "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGABRT", "SIGALRM",
        "SIGBUS", "SIGCHLD", "SIGCONT", "SIGFPE", "SIGILL", "SIGIO", "SIGPIPE", "SIGPROF", "SIGPWR", "SIGSEGV",
        "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGVTALRM", "SIGXCPU",
        "SIGXFSZ",
    ]

    /// A named signal, or a real-time one: `SIGRTMIN+3`, as systemd stops on.
    static func isSignal(_ text: String) -> Bool {
        if signals.contains(text) { return true }
        guard text.hasPrefix("SIGRTMIN+"), let offset = Int(text.dropFirst(9)) else { return false }
        return (0...30).contains(offset)
    }

    /// The fields of a pod that variables may show.
    static let podFields = [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "status.podIP", "status.hostIP",
    ]

    /// A field, or one label or annotation in Kubernetes' notation.
    static func isPodField(_ text: String) -> Bool {
        if podFields.contains(text) { return true }
        for prefix in ["metadata.labels['", "metadata.annotations['"]
        where text.hasPrefix(prefix) && text.hasSuffix("']") {
            return isLabelKey(String(text.dropFirst(prefix.count).dropLast(2)))
        }
        return false
    }
}

/// The syntax of image references (distribution/reference's grammar) and of Martlet's local forms.
enum ImageSyntax {
    /// Forms that name a place on the node instead of a registry.
    private static let localPrefixes = ["oci:", "oci-archive:", "docker-archive:", "rootfs:"]

    static func isValid(_ text: String) -> Bool {
        if let prefix = localPrefixes.first(where: text.hasPrefix) {
            let path = text.dropFirst(prefix.count)
            return !path.isEmpty && path.utf8.count < 4096 && !path.utf8.contains { $0 < 0x20 }
        }
        let atParts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        if atParts.count == 2, !isDigest(atParts[1]) { return false }
        guard let named = atParts.first, !named.isEmpty, named.utf8.count <= 512 else { return false }
        var components = named.split(separator: "/", omittingEmptySubsequences: false)
        guard let last = components.popLast() else { return false }
        let tagParts = last.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if tagParts.count == 2, !isTag(tagParts[1]) { return false }
        if let first = components.first, isDomainLike(first) {
            guard isDomain(first) else { return false }
            components.removeFirst()
        }
        return (components + tagParts.prefix(1)).allSatisfy(isPathComponent)
    }

    private static func isDomainLike(_ text: Substring) -> Bool {
        text.contains(".") || text.contains(":") || text == "localhost"
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !(Int(parts[1]).map { (1...65535).contains($0) } ?? false) { return false }
        return Syntax.isDNSSubdomain(parts[0].lowercased())
    }

    /// Letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
    private static func isPathComponent(_ text: Substring) -> Bool {
        let bytes = Array(text.utf8)
        func isWord(_ byte: UInt8?) -> Bool { byte.map { $0.isASCIILower || $0.isASCIIDigit } ?? false }
        guard isWord(bytes.first), isWord(bytes.last) else { return false }
        let separators = text.utf8.split { isWord($0) }.map { String(Substring($0)) }
        return separators.allSatisfy { $0 == "." || $0 == "_" || $0 == "__" || $0.allSatisfy { $0 == "-" } }
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
        return (first.isASCIIAlphanumeric || first == 0x5F)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
    }

    private static func isDigest(_ text: Substring) -> Bool {
        let lengths = ["sha256:": 64, "sha512:": 128]
        let hexadecimal = Array("0123456789abcdef".utf8)
        let prefix = String(text.prefix(7))
        let digits = text.dropFirst(7).utf8
        return digits.count == lengths[prefix] && digits.allSatisfy(hexadecimal.contains)
    }
}

/// The syntax of cron's five fields (crontab(5)).
enum Cron {
    private static let fields: [(range: ClosedRange<Int>, names: [String])] = [
        (0...59, []), (0...23, []), (1...31, []),
        (1...12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        (0...7, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ]

    static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: " ")
        guard parts.count == fields.count, text.utf8.count <= 256 else { return false }
        return zip(parts, fields).allSatisfy { part, field in
            part.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { isItem($0, in: field) }
        }
    }

    /// `*`, `N`, `N-M`, and with a step `*/S` or `N-M/S`.
    private static func isItem(_ text: Substring, in field: (range: ClosedRange<Int>, names: [String])) -> Bool {
        let stepParts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let spanText = stepParts.first else { return false }
        if stepParts.count == 2 {
            guard let step = Int(stepParts[1]), (1...field.range.upperBound).contains(step) else { return false }
        }
        if spanText == "*" { return true }
        let ends = spanText.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let values = ends.compactMap { value($0, in: field) }
        guard values.count == ends.count else { return false }
        return values.count == 2 ? values[0] <= values[1] : stepParts.count == 1
    }

    private static func value(_ text: Substring, in field: (range: ClosedRange<Int>, names: [String])) -> Int? {
        if let index = field.names.firstIndex(of: text.lowercased()) { return index + min(1, field.range.lowerBound) }
        guard text.utf8.allSatisfy(\.isASCIIDigit), let value = Int(text), field.range.contains(value) else {
            return nil
        }
        return value
    }
}
