/// A syntax that a string must follow.
public struct StringFormat: Sendable {
    /// The name, as OpenAPI's `format` gives it.
    public let name: String
    /// What the string must be, as a message says it after "expected".
    public let expectation: String
    /// Every accepted string, where they can be listed.
    public let allowed: [String]
    /// Whether a bare number stands for its text, as in quantities.
    public let acceptsNumbers: Bool
    /// Whether a string follows the syntax.
    public let isValid: @Sendable (String) -> Bool

    /// Makes a format.
    public init(
        _ name: String, _ expectation: String, allowed: [String] = [], acceptsNumbers: Bool = false,
        isValid: @escaping @Sendable (String) -> Bool
    ) {
        self.name = name
        self.expectation = expectation
        self.allowed = allowed
        self.acceptsNumbers = acceptsNumbers
        self.isValid = isValid
    }

    /// One of the listed strings.
    public static func enumeration(_ values: [String]) -> StringFormat {
        StringFormat("enum", "one of \(values.joined(separator: ", "))", allowed: values) { values.contains($0) }
    }
}

extension StringFormat {
    /// Any text.
    public static let text = StringFormat("text", "a string") { _ in true }
    /// Text for the kernel, which ends strings at a NUL.
    public static let argument = StringFormat("argument", "a string that holds no NUL") { !$0.utf8.contains(0) }
    /// Text that is not empty.
    public static let nonEmpty = StringFormat("nonEmpty", "a string that is not empty") { !$0.isEmpty }
    /// A label of a DNS name (RFC 1123).
    public static let dnsLabel = dnsLabel(limit: 63)
    /// A label of a DNS name with fewer characters than RFC 1123 allows.
    public static func dnsLabel(limit: Int) -> StringFormat {
        StringFormat(
            limit == 63 ? "dnsLabel" : "dnsLabel\(limit)",
            "at most \(limit) lower-case letters, digits and '-', starting and ending with a letter or digit"
        ) {
            Syntax.isDNSLabel($0, limit: limit)
        }
    }
    /// A DNS name of one or more labels.
    public static let dnsSubdomain = StringFormat(
        "dnsSubdomain",
        "at most 253 lower-case letters, digits, '-' and '.', each part starting and ending with a letter or digit",
        isValid: Syntax.isDNSSubdomain)
    /// The start of a name, to which the server adds random letters.
    public static let namePrefix = StringFormat(
        "namePrefix", "the start of a name, of at most 57 lower-case letters, digits and '-'"
    ) { Syntax.isDNSLabel($0 + "x", limit: 58) }
    /// A DNS name, or one with `*` as its first label.
    public static let hostname = StringFormat("hostname", "a host name such as shop.example.com or *.example.com") {
        Syntax.isDNSSubdomain($0.hasPrefix("*.") ? String($0.dropFirst(2)) : $0)
    }
    /// A name of a port (RFC 6335).
    public static let portName = StringFormat(
        "portName", "a port name of at most 15 lower-case letters, digits and '-' with at least one letter",
        isValid: Syntax.isPortName)
    /// A key of a label or an annotation.
    public static let labelKey = StringFormat(
        "labelKey", "a key such as app or example.com/app of letters, digits, '-', '_' and '.'",
        isValid: Syntax.isLabelKey)
    /// The value of a label.
    public static let labelValue = StringFormat(
        "labelValue", "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        isValid: Syntax.isLabelValue)
    /// A key of a ConfigMap or Secret.
    public static let configKey = StringFormat(
        "configKey", "a key of at most 253 letters, digits, '-', '_' and '.'", isValid: Syntax.isConfigKey)
    /// The name of an environment variable.
    public static let environmentName = StringFormat(
        "environmentName", "a variable name of letters, digits, '_', '-' and '.' that starts with no digit",
        isValid: Syntax.isEnvironmentName)
    /// An absolute path.
    public static let path = StringFormat("path", "an absolute path without '..'") { Syntax.isAbsolutePath($0) }
    /// A path below a directory.
    public static let relativePath = StringFormat("relativePath", "a relative path without '..'") {
        Syntax.isRelativePath($0)
    }
    /// The path of a URL.
    public static let urlPath = StringFormat("urlPath", "a path that starts with '/'") {
        $0.hasPrefix("/") && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
    /// A length of time, `0s` included.
    public static let duration = StringFormat("duration", "a duration such as 10s or 1m30s") {
        TimeSpan($0).map { $0 <= longest } ?? false
    }
    /// A length of time of at least a millisecond.
    public static let positiveDuration = StringFormat("positiveDuration", "a duration of at least 1ms, such as 10s") {
        TimeSpan($0).map { $0 >= .milliseconds(1) && $0 <= longest } ?? false
    }
    /// Ten years: longer lengths of time are mistakes.
    private static let longest = TimeSpan.hours(87_600)
    /// An amount of a resource.
    public static let quantity = StringFormat("quantity", "a quantity such as 250m or 128Mi", acceptsNumbers: true) {
        Quantity($0) != nil
    }
    /// A whole amount of at least 1.
    public static let positiveCount = StringFormat(
        "positiveCount", "a whole quantity of at least 1", acceptsNumbers: true
    ) { Quantity($0).map { $0.thousandths >= 1000 && $0.thousandths % 1000 == 0 } ?? false }
    /// A percentage.
    public static let percent = StringFormat("percent", "a percentage such as 70%") { Syntax.percentage($0) != nil }
    /// A time of day that comes again, in cron's five fields.
    public static let cron = StringFormat("cron", "five cron fields such as \"0 8 * * 1-5\"", isValid: Cron.isValid)
    /// A zone of the tz database, by its form.
    public static let timeZone = StringFormat("timeZone", "a time zone such as Europe/Paris or UTC") {
        !$0.isEmpty && !$0.hasPrefix("/") && !$0.contains("..")
            && $0.utf8.allSatisfy { $0.isASCIIAlphanumeric || "_+-/".utf8.contains($0) }
    }
    /// An image by registry, or in a file or directory.
    public static let imageReference = StringFormat(
        "imageReference",
        "an image such as registry.example.com/web:1.4, oci:PATH, oci-archive:PATH, docker-archive:PATH or rootfs:PATH",
        isValid: ImageSyntax.isValid)
    /// A moment (RFC 3339).
    public static let dateTime = StringFormat("date-time", "a time such as 2026-01-31T08:00:00Z") {
        Timestamp($0) != nil
    }
    /// Bytes in base64 (RFC 4648 section 4).
    public static let base64 = StringFormat("byte", "base64") { Base64.decode($0) != nil }
    /// An http or https URL.
    public static let httpURL = StringFormat("uri", "a URL that starts with http:// or https://") {
        ["http://", "https://"].contains(where: $0.hasPrefix) && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
    /// A Linux capability without `CAP_`, or `ALL`.
    public static let capability = StringFormat(
        "capability", "a capability such as NET_BIND_SERVICE, or ALL", allowed: Syntax.capabilities
    ) { Syntax.capabilities.contains($0) }
    /// A signal by its name.
    public static let signal = StringFormat("signal", "a signal such as SIGTERM", allowed: Syntax.signals) {
        Syntax.isSignal($0)
    }
    /// A field of a pod that a variable may show.
    public static let podField = StringFormat(
        "podField", "one of \(Syntax.podFields.joined(separator: ", ")) or a metadata.labels['KEY']",
        allowed: Syntax.podFields, isValid: Syntax.isPodField)
    /// What makes the load balancer try another pod.
    public static let retryCondition = StringFormat.enumeration([
        "ConnectFailure", "EmptyResponse", "ResponseTimeout", "500", "501", "502", "503", "504",
    ])
}

extension StringFormat {
    /// The name of an HTTP header (RFC 9110 section 5.1).
    public static let headerName = StringFormat("headerName", "an HTTP header name") {
        !$0.isEmpty && $0.utf8.allSatisfy { $0.isASCIIAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }
    /// The name of a cookie (RFC 6265 section 4.1.1), without the characters that need quoting elsewhere.
    public static let cookieName = StringFormat("cookieName", "a cookie name of letters, digits, '-', '_' and '.'") {
        !$0.isEmpty && $0.utf8.count <= 64 && $0.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-_.".utf8.contains($0) }
    }
    /// A time over which errors are counted: what is kept of each second reaches that far.
    public static let errorWindow = StringFormat("errorWindow", "a duration from 1s to 15m, such as 10s") {
        TimeSpan($0).map { $0 >= .seconds(1) && $0 <= .minutes(15) } ?? false
    }
    /// The value of an HTTP header (RFC 9110 section 5.5), without what could end the header.
    public static let headerValue = StringFormat(
        "headerValue", "an HTTP header value in ASCII without control characters"
    ) {
        $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
