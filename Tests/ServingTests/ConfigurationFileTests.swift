import Serving
import TestSupport
import Testing

@Suite struct ConfigurationFileTests {
  private func parse(_ text: String) throws(ConfigurationError) -> ServeConfiguration {
    try ConfigurationFile(path: "a.yaml").parse(Array(text.utf8))
  }

  @Test func `the printed configuration reads as recorded`() {
    Golden("default.yaml").expect(ConfigurationFile.text(ServeConfiguration()))
  }

  @Test func `a printed configuration is read as it was`() throws {
    var other = ServeConfiguration()
    other.scope = .names(["no", "a b", "qu\"o\\te", "null", "-x", "tab\tbell\u{7}", "ünï"])
    other.excludedNames = ["true", "1", ""].filter { !$0.isEmpty }
    other.interval = 0.5
    other.top = 7
    other.maximumBlocks = 4096
    other.budget = 0.005
    other.summaryInterval = 90
    other.summaryFolder = nil
    other.summaryFormats = [.text]
    other.summaryRetention.byteCount = 3 << 20
    other.historyPath = "/a folder/h.sqlite"
    other.listen = .unix(path: "/run/x y.sock")
    other.allowsRemote = true
    var scoped = ServeConfiguration()
    scoped.scope = .cgroups(["/system.slice/a.service"])
    scoped.listen = nil
    var single = ServeConfiguration()
    single.scope = .pids([4711, 4712])
    single.listen = .tcp(host: "::1", port: 0)
    for configuration in [ServeConfiguration(), other, scoped, single] {
      #expect(try parse(ConfigurationFile.text(configuration)) == configuration)
    }
  }

  @Test(arguments: ["", "# nothing\n", "null", "summary:\n", "---\n"])
  func `a file with nothing in it gives the defaults`(text: String) throws {
    #expect(try parse(text) == ServeConfiguration())
  }

  /// A file, and what is said of it.
  static let complaints: [(String, String)] = [
    (
      "interval: 2s\nintervall: 3s\n",
      "line 2: there is no setting intervall; the file has scope, interval, horizon, top, budget, max_blocks, "
        + "max_stacks, summary, history, http"
    ),
    (
      "summary:\n  every: 1h\n",
      "line 2: there is no setting summary.every; summary has interval, directory, formats, keep"
    ),
    (
      "summary: 1h\n", "line 1: summary takes settings below it: interval, directory, formats, keep"
    ),
    (
      "interval: 2\n",
      "line 1: interval takes a duration from 0.1s to 1h, with its unit s, min, h or d"
    ),
    (
      "interval: [2s]\n",
      "line 1: interval takes a duration from 0.1s to 1h, with its unit s, min, h or d"
    ),
    (
      "\n\ninterval: 9h\n",
      "line 3: interval takes a duration from 0.1s to 1h, with its unit s, min, h or d"
    ),
    ("top: many\n", "line 1: top takes a number from 1 to 1000"),
    ("top: 1e2\n", "line 1: top takes a number from 1 to 1000"),
    ("top: {a: b}\n", "line 1: top takes a number from 1 to 1000"),
    ("http: {allow_remote: yes}\n", "line 1: http.allow_remote takes true or false"),
    (
      "history:\n  path: h.sqlite\n",
      "line 2: history.path takes a path that begins with /, or null"
    ),
    (
      "summary:\n  formats: [json, xml]\n", "line 2: summary.formats takes a list of json and text"
    ),
    (
      "scope: {names: []}\n",
      "line 1: scope.names takes a list of command names such as [nginx, postgres]"
    ),
    ("scope: {pids: [0]}\n", "line 1: scope.pids takes a list of process ids such as [4711]"),
    (
      "scope:\n  all: true\n  pids: [1]\n",
      "line 3: scope.all and scope.pids exclude each other: give one of them"
    ),
    (
      "http:\n  listen: example.com:80\n",
      "line 2: http.listen takes an address such as 127.0.0.1:9464 or [::1]:9464, unix: and a path such as "
        + "unix:/run/heaptap/http.sock, or null"
    ),
    ("- interval\n", "line 1: the file takes settings such as `interval: 2s`"),
    ("2s\n", "line 1: the file takes settings such as `interval: 2s`"),
  ]

  @Test(arguments: complaints)
  func `a mistake is named with its line and what is allowed`(text: String, sentence: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try parse(text) }
    #expect(error?.description == "cannot use a.yaml \(sentence)")
  }

  @Test func `an address for other machines takes a permission`() throws {
    let error = #expect(throws: ConfigurationError.self) {
      _ = try parse("http: {listen: \"0.0.0.0:80\"}")
    }
    #expect(
      error?.description
        == "cannot use a.yaml: http.listen is 0.0.0.0:80, where other machines can connect; take a loopback "
        + "address or a unix: socket, or set http.allow_remote to true")
    let allowed = try parse("http: {listen: \"0.0.0.0:80\", allow_remote: true}")
    #expect(allowed.listen == .tcp(host: "0.0.0.0", port: 80))
  }

  @Test(arguments: ["a: [", "interval: 2s\ninterval: 3s", "\ta: b", "a: *b", "%", "a: \"\\q\""])
  func `what is not YAML is named with its line`(text: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try parse(text) }
    #expect(error?.description.hasPrefix("cannot use a.yaml line ") == true, "\(error as Any)")
  }

  @Test func `bytes that are no text and files without end are refused`() {
    let file = ConfigurationFile(path: "a.yaml")
    let noText = #expect(throws: ConfigurationError.self) { _ = try file.parse([0xFF, 0xFE]) }
    #expect(noText?.description == "cannot use a.yaml: it is not UTF-8 text")
    let long = [UInt8](repeating: 0x20, count: ConfigurationFile.byteLimit + 1)
    #expect(throws: ConfigurationError.self) { _ = try file.parse(long) }
  }

  @Test func `random bytes give a configuration or a sentence`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<3000 {
      let count = Int.random(in: 0..<300, using: &generator)
      expectAnswer((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
  }

  @Test func `a damaged file gives a configuration or a sentence`() {
    var generator = SeededGenerator(seed: 12)
    let valid = Array(ConfigurationFile.text(ServeConfiguration()).utf8)
    let pieces = [
      "[", "]", "{", "}", ": ", "- ", "&a", "*a", "\n", "  ", "\"", "'", "|", ">", "!!int", "\u{0}",
      "9999999999999999999999", "..", "?", "<<: ",
    ]
    .map { Array($0.utf8) }
    for _ in 0..<2000 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.insert(contentsOf: generator.pick(pieces), at: place)
        case 2:
          bytes.removeSubrange(
            place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator)))
        default:
          let other = Int.random(in: 0..<bytes.count, using: &generator)
          bytes.insert(contentsOf: bytes[other..<min(bytes.count, other + 50)], at: place)
        }
        if bytes.isEmpty { bytes = [0x0A] }
      }
      expectAnswer(bytes)
    }
  }

  @Test func `deep nesting and repeated aliases are no danger`() {
    for text in [
      String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 50_000),
      String(repeating: "- ", count: 100_000),
      "a: &a [x, x]\n" + (0..<24).map { "b\($0): &b\($0) [*a, *a]\n" }.joined(),
    ] {
      expectAnswer(Array(text.utf8))
    }
  }

  /// One line that names the file, or a configuration whose values are within their ranges.
  private func expectAnswer(_ bytes: [UInt8], at location: SourceLocation = #_sourceLocation) {
    do throws(ConfigurationError) {
      let configuration = try ConfigurationFile(path: "a.yaml").parse(bytes)
      #expect((0.1...3600).contains(configuration.interval), sourceLocation: location)
      #expect((1...1000).contains(configuration.top), sourceLocation: location)
    } catch {
      #expect(error.description.hasPrefix("cannot use a.yaml"), sourceLocation: location)
      #expect(!error.description.contains("\n"), "\(error.description)", sourceLocation: location)
    }
  }

  @Test func `what changes needs a restart or does not`() {
    var configuration = ServeConfiguration()
    var newer = configuration
    newer.summaryFormats = [.text]
    newer.excludedNames = ["bash"]
    newer.listen = nil
    newer.top = 3
    let (applied, restart) = configuration.reload(from: newer)
    #expect(applied == ["scope.exclude", "summary.formats"])
    #expect(restart == ["top", "http.listen"])
    #expect(configuration.summaryFormats == [.text])
    #expect(configuration.top == 20)
  }
}
