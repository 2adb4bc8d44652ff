/// Finds what is wrong with documents.
public enum Validation {
    /// Everything that is wrong with a document, in the order of the schema.
    ///
    /// Unset fields count as having their defaults, so a document may be checked before or after these are applied.
    ///
    /// - Parameter strict: whether fields that the schema does not know are mistakes.
    public static func errors(in document: JSONValue, type: ResourceType, strict: Bool) -> [FieldError] {
        let schema = Schema.of(type)
        var validator = Validator(strict: strict)
        validator.check(Defaults.filled(document, schema), schema, at: FieldPath())
        return type == .secret ? validator.errors.map(withoutSecrets) : validator.errors
    }

    /// The error without the value of a Secret.
    private static func withoutSecrets(_ error: FieldError) -> FieldError {
        guard case .name(let first)? = error.path.elements.first, ["data", "stringData"].contains(first) else {
            return error
        }
        var error = error
        error.found = nil
        error.suggestion = nil
        return error
    }
}

private struct Validator {
    let strict: Bool
    var errors: [FieldError] = []

    init(strict: Bool) { self.strict = strict }

    mutating func check(_ value: JSONValue, _ schema: Schema, at path: FieldPath) {
        switch (schema, value) {
        case (.any, _): break
        case (.oneOf(let alternatives), _): checkAlternatives(value, alternatives, schema, at: path)
        case (.object(let fields, let additional, let rules), .object(let object)):
            checkFields(object, fields, additional, at: path)
            for rule in rules { errors += rule.check(object, path) }
        case (.map(let values, let keys), .object(let object)):
            for member in object.members {
                let place = path.appending(member.name)
                if !keys.isValid(member.name) {
                    errors.append(FieldError(place, .invalidValue, "the name must be \(keys.expectation)"))
                }
                check(member.value, values, at: place)
            }
        case (.array(let items, let minItems, let key, let unique), .array(let elements)):
            checkElements(elements, items, at: path)
            if elements.count < minItems {
                errors.append(
                    FieldError(path, .invalidValue, "expected at least \(minItems) element\(minItems == 1 ? "" : "s")"))
            }
            if let key { checkKeys(elements, key, at: path) }
            if unique { checkUnique(elements, at: path) }
        default:
            if schema.acceptsKind(of: value) {
                checkScalar(value, schema, at: path)
            } else {
                errors.append(mismatch(value, schema, at: path))
            }
        }
    }

    private mutating func checkFields(
        _ object: JSONObject, _ fields: [Field], _ additional: Schema.Additional, at path: FieldPath
    ) {
        for field in fields {
            if let value = object[field.name] {
                check(value, field.schema, at: path.appending(field.name))
            } else if field.required {
                errors.append(FieldError(path.appending(field.name), .required, "must be set"))
            }
        }
        guard strict, additional == .none else { return }
        let known = fields.map(\.name)
        for name in object.keys where !known.contains(name) {
            // Beyond so many mistakes nobody reads on, and finding what was meant takes long.
            let suggestion = errors.count < 100 ? suggestion(for: name, in: object, fields) : nil
            errors.append(
                FieldError(
                    path.appending(name), .unknownField, "unknown field", suggestion: suggestion, allowed: known))
        }
    }

    /// The field that was probably meant: one that is not set, if such a one is near.
    private func suggestion(for name: String, in object: JSONObject, _ fields: [Field]) -> String? {
        let unset = fields.filter { object[$0.name] == nil || $0.default != nil }.map(\.name)
        return NearestName.of(name, among: unset) ?? NearestName.of(name, among: fields.map(\.name))
    }

    private mutating func checkElements(_ elements: [JSONValue], _ items: Schema, at path: FieldPath) {
        for (index, element) in elements.enumerated() { check(element, items, at: path.appending(index)) }
    }

    private mutating func checkKeys(_ elements: [JSONValue], _ key: String, at path: FieldPath) {
        var repeats = Repeats()
        for (index, element) in elements.enumerated() {
            guard let value = element[key]?.string else { continue }
            repeats.note(
                value, at: path.appending(index).appending(key), found: JSONValue.string(value).shownInMessages)
        }
        errors += repeats.errors.map(\.error)
    }

    private mutating func checkUnique(_ elements: [JSONValue], at path: FieldPath) {
        var repeats = Repeats()
        for (index, element) in elements.enumerated() {
            repeats.note(element.text(), at: path.appending(index), found: element.shownInMessages)
        }
        errors += repeats.errors.map(\.error)
    }

    /// Checks against the alternative that fits the kind of value, and among several the one that finds least wrong.
    private mutating func checkAlternatives(
        _ value: JSONValue, _ alternatives: [Schema], _ schema: Schema, at path: FieldPath
    ) {
        var best: [FieldError]?
        for alternative in alternatives where alternative.acceptsKind(of: value) {
            var validator = Validator(strict: strict)
            validator.check(value, alternative, at: path)
            if validator.errors.count < best?.count ?? .max { best = validator.errors }
        }
        errors += best ?? [mismatch(value, schema, at: path)]
    }

    private mutating func checkScalar(_ value: JSONValue, _ schema: Schema, at path: FieldPath) {
        switch schema {
        case .integer(let min, let max):
            guard let number = value.integer, number < min || number > max else { return }
            errors.append(invalid(value, schema, at: path))
        case .number(let min, let max):
            guard let number = value.number, number < min || number > max else { return }
            errors.append(invalid(value, schema, at: path))
        case .intOrPercent(let limit): checkRelative(value, limit, at: path)
        case .string(let format):
            let text = value.string ?? value.text()
            guard !format.isValid(text) else { return }
            if format.allowed.isEmpty {
                errors.append(
                    FieldError(path, .invalidValue, "expected \(format.expectation)", found: value.shownInMessages))
            } else {
                errors.append(
                    FieldError(
                        path, .notSupported, "expected \(format.expectation)",
                        suggestion: NearestName.of(text, among: format.allowed), found: value.shownInMessages,
                        allowed: format.allowed))
            }
        default: break
        }
    }

    private mutating func checkRelative(_ value: JSONValue, _ limit: Int, at path: FieldPath) {
        let isValid =
            switch value {
            case .string(let text): Syntax.percentage(text).map { $0 <= limit } ?? false
            default: value.integer.map { (0...1_000_000).contains($0) } ?? false
            }
        if !isValid { errors.append(invalid(value, .intOrPercent(maxPercent: limit), at: path)) }
    }

    private func invalid(_ value: JSONValue, _ schema: Schema, at path: FieldPath) -> FieldError {
        FieldError(path, .invalidValue, "expected \(schema.expectation)", found: value.shownInMessages)
    }

    private func mismatch(_ value: JSONValue, _ schema: Schema, at path: FieldPath) -> FieldError {
        FieldError(
            path, .typeMismatch, "expected \(schema.expectation)", suggestion: schema.correction(of: value),
            found: value.shownInMessages)
    }
}

extension Schema {
    /// What a value of the wrong kind was probably meant to be, as a manifest writes it.
    fileprivate func correction(of value: JSONValue) -> String? {
        switch (self, value) {
        case (.boolean, .string(let text)):
            switch text.lowercased() {
            case "yes", "on", "y", "true": return "true"
            case "no", "off", "n", "false": return "false"
            default: return nil
            }
        case (.integer(let min, let max), .string(let text)):
            return Int64(text).flatMap { min <= $0 && $0 <= max ? "\($0)" : nil }
        case (.number, .string(let text)): return Int64(text).map { "\($0)" }
        case (.string(let format), .integer), (.string(let format), .number), (.string(let format), .bool):
            let text = value.text()
            return format.isValid(text) ? "\"\(text)\"" : nil
        case (.oneOf(let alternatives), _): return alternatives.lazy.compactMap { $0.correction(of: value) }.first
        case (.array(let items, _, _, _), _) where items.acceptsKind(of: value) && value.object == nil:
            return "[\(value.text())]"
        default: return nil
        }
    }
}
