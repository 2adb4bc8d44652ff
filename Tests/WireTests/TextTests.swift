import Model
import Testing
import Wire

@Suite struct TextTests {
    @Test(
        arguments: [
            (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (45, "45s"), (119, "119s"), (120, "2m"), (330, "5m30s"),
            (600, "10m"),
            (659, "10m"), (10_799, "179m"), (10_800, "3h"), (11_520, "3h12m"), (28_800, "8h"), (172_799, "47h"),
            (172_800, "2d"), (187_200, "2d4h"), (691_200, "8d"), (63_071_999, "729d"), (63_072_000, "2y"),
            (63_072_000 + 86400 * 20, "2y20d"), (86400 * 365 * 9, "9y"),
        ] as [(Int64, String)])
    func `an age is short`(seconds: Int64, text: String) {
        #expect(HumanDuration.text(.seconds(seconds)) == text)
    }

    @Test func `an age of nothing is unknown`() {
        #expect(HumanDuration.age(since: nil, now: Timestamp(seconds: 0)) == "<unknown>")
        #expect(HumanDuration.age(since: "yesterday", now: Timestamp(seconds: 0)) == "<unknown>")
        #expect(HumanDuration.age(since: "1970-01-01T00:00:00Z", now: Timestamp(seconds: 60)) == "60s")
    }

    @Test func `a continue token survives its journey`() {
        let token = ContinueToken(revision: 42, namespace: "shop", name: "web-1")
        #expect(ContinueToken(token.text) == token)
        #expect(token.text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit })
    }

    @Test(arguments: ["", "x", "0", "31", "322f312f612f62", "-1"])
    func `a bad continue token is refused`(text: String) { #expect(ContinueToken(text) == nil) }

    @Test(
        arguments: [
            (nil, ResponseForm.object), ("*/*", .object), ("application/json", .object),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                .table
            ),
            ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", .object),
            ("application/vnd.kubernetes.protobuf,application/json", .object),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", .metadata),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                .aggregatedDiscovery
            ),
            ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", .object),
            ("application/yaml", nil), ("application/json;as=Chart;v=v1;g=x", nil),
        ] as [(String?, ResponseForm?)])
    func `an Accept header chooses the first form there is`(header: String?, form: ResponseForm?) {
        #expect(MediaType.form(accept: header) == form)
    }

    @Test func `an invalid object says what is wrong with each field`() {
        let status = APIStatus.invalid(
            .app, "web",
            [
                .init(reason: "FieldValueInvalid", field: "spec.replicas", message: "Invalid value: -1: too small"),
                .init(reason: "FieldValueRequired", field: "spec.image", message: "Required value: must be set"),
            ])
        #expect(
            status.message == "App.martlet.dev \"web\" is invalid: [spec.replicas: Invalid value: -1: too small, "
                + "spec.image: Required value: must be set]")
        #expect(status.document["details"]?["kind"] == "App")
        #expect(status.document["details"]?["causes"]?.array?.count == 2)
        #expect(status.document["code"] == 422)
    }
}
