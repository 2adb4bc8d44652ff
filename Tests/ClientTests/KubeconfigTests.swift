import Client
import Glibc
import Model
import Testing

struct KubeconfigTests {
    static let two = """
        apiVersion: v1
        kind: Config
        clusters:
        - name: one
          cluster: {server: "https://one:1", certificate-authority-data: Q0E=}
        - name: two
          cluster: {server: "https://two:2"}
        users:
        - {name: ann, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
        - {name: bob, user: {token: secret}}
        contexts:
        - {name: first, context: {cluster: one, user: ann, namespace: shop}}
        - {name: martlet, context: {cluster: two, user: bob}}
        """

    @Test func `a context puts a cluster and a user together`() throws {
        let config = try Kubeconfig.parse(Self.two, context: "first")
        let expected = ClientConfig(
            server: "https://one:1", certificateAuthority: "CA", clientCertificate: "CERT", clientKey: "KEY",
            namespace: "shop")
        #expect(config == expected)
    }

    @Test func `of several contexts the current one counts, then the one named martlet`() throws {
        #expect(try Kubeconfig.parse(Self.two).token == "secret")
        #expect(try Kubeconfig.parse(Self.two + "\ncurrent-context: first").server == "https://one:1")
        #expect(try Kubeconfig.parse(Self.two + "\ncurrent-context: \"\"").server == "https://two:2")
    }

    @Test func `several contexts without a choice are an error that names them`() {
        let text = Self.two.replacing("name: martlet", with: "name: second")
        let error = #expect(throws: ClientError.self) { try Kubeconfig.parse(text) }
        #expect(
            error?.description
                == "the kubeconfig has several contexts and none is current; choose one with --context: first, second")
    }

    @Test(arguments: [
        (
            "context: {cluster: one, user: ann", "context: {cluster: three, user: ann",
            #"no cluster "three"; it has one, two"#
        ),
        ("user: ann, namespace", "user: eve, namespace", #"no user "eve"; it has ann, bob"#),
        ("Q0E=", "Q0E", "certificate-authority-data of the kubeconfig is not base64"),
        ("kind: Config", "kind: Pod", #"does not say "kind: Config""#),
        ("server: \"https://one:1\", ", "", #"the cluster "one" of the kubeconfig has no server"#),
    ])
    func `what does not fit is named`(old: String, new: String, message: String) {
        let text = Self.two.replacing(old, with: new)
        let error = #expect(throws: ClientError.self) { try Kubeconfig.parse(text, context: "first") }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `a context that is not there is named`() {
        let error = #expect(throws: ClientError.self) { try Kubeconfig.parse(Self.two, context: "x") }
        #expect(error?.description == #"the kubeconfig has no context "x"; it has first, martlet"#)
    }

    @Test func `what is rendered is read back`() throws {
        let config = ClientConfig(
            server: "https://127.0.0.1:7443", certificateAuthority: "CA\n", clientCertificate: "C\n", clientKey: "K\n",
            token: "a: \"b\"", namespace: "shop")
        #expect(try Kubeconfig.parse(Kubeconfig.render(config)) == config)
        let bare = ClientConfig(server: "http://[::1]:80")
        #expect(try Kubeconfig.parse(Kubeconfig.render(bare, name: "x y")) == bare)
    }

    @Test func `files are found from the kubeconfig's own folder`() throws {
        let folder = try TemporaryFolder()
        folder.write("ca.pem", "CA")
        folder.write("token", " secret\n")
        folder.write(
            "config",
            """
            {"kind":"Config","clusters":[{"name":"a","cluster":{"server":"https://a","certificate-authority":"ca.pem"}}],
             "users":[{"name":"a","user":{"tokenFile":"token","token":"other"}}],
             "contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}]}
            """)
        let config = try Kubeconfig.load(path: "\(folder.path)/config")
        #expect(config.certificateAuthority == "CA" && config.token == "secret")
    }

    @Test func `a file that is missing is named`() {
        let error = #expect(throws: ClientError.self) { try Kubeconfig.load(path: "/nowhere/config") }
        #expect(error?.description == "cannot read /nowhere/config: no such file or directory")
    }
}

/// A folder that goes with this object.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private var names: [String] = []

    func write(_ name: String, _ text: String) {
        guard let file = fopen("\(path)/\(name)", "w") else { return }
        fputs(text, file)
        fclose(file)
        names.append(name)
    }
}
