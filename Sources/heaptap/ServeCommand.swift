import AllocationModel
import ArgumentParser
import Glibc
import LinuxSystem
import Monitoring
import Processes
import Recording
import Serving
import SystemPackage
import WebService

/// `heaptap serve`: the daemon.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Keep observing: summaries, history, metrics over HTTP.",
    discussion: """
      Settings come from a file (\(Self.standardPath) if it is there, or --config) and from the options here, which \
      take precedence. SIGHUP reads the file again; SIGINT and SIGTERM write a last summary and end it.
      """)

  private static let standardPath = "/etc/heaptap/serve.yaml"

  @Option(help: ArgumentHelp("Read this file.", valueName: "file"))
  var config: String?

  @Flag(help: "Print the configuration, every setting explained, and exit.")
  var printConfig = false

  @Flag(help: "Print a systemd unit for this executable, and exit.")
  var printUnit = false

  @Flag(help: "Observe all processes.")
  var all = false

  @Option(help: ArgumentHelp("Observe this process; repeatable.", valueName: "pid"))
  var pid: [String] = []

  @Option(help: ArgumentHelp("Observe processes of this name; repeatable.", valueName: "name"))
  var name: [String] = []

  @Option(help: ArgumentHelp("Observe this control group; repeatable.", valueName: "path"))
  var cgroup: [String] = []

  @Option(help: ArgumentHelp("Time between two readings, as 2s.", valueName: "duration"))
  var interval: String?

  @Option(help: ArgumentHelp("Sites that are named.", valueName: "number"))
  var top: String?

  @Option(help: ArgumentHelp("Time between two summaries, as 1h.", valueName: "duration"))
  var summaryInterval: String?

  @Option(help: ArgumentHelp("Folder of the summaries; null: none.", valueName: "folder"))
  var summaryDirectory: String?

  @Option(help: ArgumentHelp("SQLite file of the history; null: none.", valueName: "file"))
  var history: String?

  @Option(
    help: ArgumentHelp(
      "Where to serve HTTP, as 127.0.0.1:9464 or unix:/run/heaptap/http.sock; null: nowhere.",
      valueName: "address"))
  var listen: String?

  @Flag(help: "Let other machines connect.")
  var allowRemote = false

  func run() throws {
    if printUnit {
      let executable = try? ProcessDirectory(pid: getpid()).executablePath()
      OutputStream.standardOutput.write(
        ServiceUnit.text(executable: (executable ?? nil) ?? "/usr/local/bin/heaptap"))
      return
    }
    let configuration = try loadConfiguration()
    if printConfig {
      OutputStream.standardOutput.write(ConfigurationFile.text(configuration))
      return
    }
    try serve(configuration)
  }

  // MARK: Serving

  private func serve(_ initial: ServeConfiguration) throws {
    var configuration = initial
    // Before any thread starts: they inherit which signals are blocked.
    let signals = try SignalReader()
    let hangUps = try SignalReader([SIGHUP])
    let manager = ServiceNotification()
    let start = SystemClock.unixNanoseconds
    let host = HostIdentity(
      name: KernelIdentity.hostName, kernel: KernelIdentity.release,
      heaptapVersion: HeaptapCommand.configuration.version)
    let state = PublishedState(
      PublishedState.Constants(
        host: host, siteLimit: configuration.top, interval: configuration.interval,
        startNanoseconds: start))
    let writer = try Self.makeWriter(configuration, host, start)
    let server = configuration.listen.map { WebServer(address: $0) }
    let address = try server?.start(Endpoints(), state)
    defer { server?.stop() }
    let source = try TargetSource(configuration, signals: signals)
    let daemon = Daemon(configuration, state, writer)
    Self.say(address.map { "ready, listening on \($0)" } ?? "ready")
    manager.ready(status: "observing")
    try source.run { report in
      daemon.take(report)
      if hangUps.next() != nil {
        manager.reloading()
        if let newer = reload(&configuration) {
          daemon.reload(newer)
          source.leaveOut(newer.excludedNames)
        }
        manager.ready(status: "observing")
      }
      return true
    }
    manager.stopping()
    daemon.finish(unixNanoseconds: SystemClock.unixNanoseconds)
  }

  private static func makeWriter(
    _ configuration: ServeConfiguration, _ host: HostIdentity, _ start: Int64
  ) throws -> BackgroundWriter {
    guard let path = configuration.historyPath else {
      return try BackgroundWriter(history: nil, say: say)
    }
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    // Where that fails, opening the file says why.
    try? AtomicFile.makeFolder("/" + folder)
    return try BackgroundWriter(
      history: {
        try History(
          path: path,
          plan: .standard(
            summaryInterval: configuration.summaryInterval,
            retention: configuration.historyRetention),
          siteLimit: configuration.top, host: host, unixNanoseconds: start)
      }, say: say)
  }

  /// The configuration after SIGHUP; nil if the file can't be used.
  private func reload(_ configuration: inout ServeConfiguration) -> ServeConfiguration? {
    do {
      let (applied, restart) = configuration.reload(from: try loadConfiguration())
      Self.say("reloaded: \(applied.isEmpty ? "nothing new" : applied.joined(separator: ", "))")
      if !restart.isEmpty {
        Self.say("these need a restart to take effect: \(restart.joined(separator: ", "))")
      }
      return configuration
    } catch {
      Self.say("\(error); going on as before")
      return nil
    }
  }

  @Sendable
  private static func say(_ sentence: String) {
    OutputStream.standardError.write("heaptap: \(sentence)\n")
  }

  // MARK: Configuration

  private func loadConfiguration() throws -> ServeConfiguration {
    var configuration = ServeConfiguration()
    let path = config ?? (access(Self.standardPath, F_OK) == 0 ? Self.standardPath : nil)
    if let path {
      configuration = try ConfigurationFile(path: path).parse(try Self.contents(of: path))
    }
    try apply(to: &configuration)
    if let contradiction = configuration.contradiction {
      throw ConfigurationError("cannot serve: \(contradiction)")
    }
    return configuration
  }

  private func apply(to configuration: inout ServeConfiguration) throws {
    let scopes = [
      ("scope.all", "--all", all ? ["true"] : []), ("scope.pids", "--pid", pid),
      ("scope.names", "--name", name), ("scope.cgroups", "--cgroup", cgroup),
    ].filter { !$0.2.isEmpty }
    guard scopes.count <= 1 else {
      throw ConfigurationError(
        "\(scopes[0].1) and \(scopes[1].1) exclude each other: give one of them")
    }
    let settings =
      scopes
      + [
        ("interval", "--interval", interval), ("top", "--top", top),
        ("summary.interval", "--summary-interval", summaryInterval),
        ("summary.directory", "--summary-directory", summaryDirectory),
        ("history.path", "--history", history), ("http.listen", "--listen", listen),
        ("http.allow_remote", "--allow-remote", allowRemote ? "true" : nil),
      ].compactMap { key, option, value in value.map { (key, option, [$0]) } }
    for (key, option, values) in settings {
      try configuration.set(key, option: option, values: values)
    }
  }

  private static func contents(of path: String) throws -> [UInt8] {
    do throws(Errno) {
      return try WholeFile.contents(of: path, limit: ConfigurationFile.byteLimit + 1)
    } catch {
      throw ConfigurationError(
        "cannot read \(path): \(error.description.lowercased()); choose another file with --config")
    }
  }
}
