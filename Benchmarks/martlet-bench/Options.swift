import BenchmarkReport
import Glibc
import Model

/// Why a measurement could not be made.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The command line: a subcommand, and `--NAME VALUE` pairs.
struct Options {
    let command: String
    private var values: [String: String] = [:]

    init(_ words: [String]) throws {
        command = words.first ?? ""
        var rest = words.dropFirst()
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else { throw BenchmarkError("\(word): expected an option") }
            // A flag's value is that it is there.
            let hasValue = rest.first.map { !$0.hasPrefix("--") } ?? false
            values[String(word.dropFirst(2))] = hasValue ? rest.popFirst() : ""
        }
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    /// A text that must be given.
    func text(_ name: String) throws -> String {
        guard let value = values[name], !value.isEmpty else {
            throw BenchmarkError("\(command): --\(name) is missing")
        }
        return value
    }

    /// A number; the default where none is given.
    func number(_ name: String, default value: Int) throws -> Int {
        guard let text = values[name] else { return value }
        guard let number = Int(text), number > 0 else {
            throw BenchmarkError("\(command): --\(name) needs a number from 1 on, found \"\(text)\"")
        }
        return number
    }
}

/// Prints a measurement.
func emit(_ sample: Sample) {
    print(sample.json.text())
    fflush(nil)
}

/// Tells a person how far things are.
func progress(_ text: String) { tell("    \(text)") }

/// Writes a line to standard error.
func tell(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(2, line, line.count)
}

/// `report [--json]`: measurements from standard input to the table, or to a JSON object a row.
func report(_ options: Options) throws {
    var samples: [Sample] = []
    while let line = readLine() {
        guard let json = try? JSONValue(parsing: Array(line.utf8)), let sample = Sample(json: json) else {
            throw BenchmarkError("not a measurement: \(line)")
        }
        samples.append(sample)
    }
    let rows = rows(from: samples)
    if options.has("json") {
        for row in rows { print(row.json.text()) }
    } else {
        print(reportTable(rows), terminator: "")
    }
}
