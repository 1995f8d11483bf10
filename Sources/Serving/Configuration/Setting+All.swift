extension Setting {
  private static let scopeComment =
    "Which processes are observed: all, or give one of `names`, `cgroups` and `pids` instead."

  /// Every setting, in the order of the file.
  static let all: [Setting] = [
    Setting(
      key: "scope.all", comment: scopeComment, allowed: "true",
      apply: { value, configuration in
        guard value == .scalar("true") else { return false }
        configuration.scope = .all
        return true
      },
      print: { $0.scope == .all ? "true" : nil }),
    .names(
      "scope.names", allowed: "a list of command names such as [nginx, postgres]",
      "Command names, as in /proc/PID/comm, of at most 15 bytes.",
      apply: { names, configuration in
        guard !names.isEmpty, names.allSatisfy({ (1...15).contains($0.utf8.count) }) else {
          return false
        }
        configuration.scope = .names(names)
        return true
      },
      print: { if case .names(let names) = $0.scope { names } else { nil } }),
    .names(
      "scope.cgroups", allowed: "a list of control groups such as [/system.slice/nginx.service]",
      "Control groups, with all below them, as in /proc/PID/cgroup.",
      apply: { groups, configuration in
        guard !groups.isEmpty, groups.allSatisfy({ $0.hasPrefix("/") }) else { return false }
        configuration.scope = .cgroups(groups)
        return true
      },
      print: { if case .cgroups(let groups) = $0.scope { groups } else { nil } }),
    .names(
      "scope.pids", allowed: "a list of process ids such as [4711]", "Process ids.",
      apply: { texts, configuration in
        let pids = texts.compactMap { Int32($0) }.filter { $0 > 0 }
        guard !texts.isEmpty, pids.count == texts.count else { return false }
        configuration.scope = .pids(pids)
        return true
      },
      print: { if case .pids(let pids) = $0.scope { pids.map(String.init) } else { nil } }),
    .names(
      "scope.exclude", allowed: "a list of command names such as [bash], or []",
      "Command names that are left out of whatever is observed.",
      apply: { names, configuration in
        guard names.allSatisfy({ (1...15).contains($0.utf8.count) }) else { return false }
        configuration.excludedNames = names
        return true
      },
      print: { $0.excludedNames }),
    .duration("interval", \.interval, 0.1...3600, "Time between two readings."),
    .duration("horizon", \.horizon, 10...86400, "The past that growth is computed over."),
    .integer("top", \.top, 1...1000, "Sites that are named in summaries, metrics and history."),
    Setting(
      key: "budget",
      comment:
        "The share of its time that observing may cost a process; exact: every call is counted, whatever it costs.",
      allowed: "a share from 0.1% to 50%, or exact",
      apply: { value, configuration in
        guard case .scalar(let text) = value else { return false }
        if text == "exact" {
          configuration.budget = nil
          return true
        }
        guard let share = Quantity.share(text), (0.001...0.5).contains(share) else { return false }
        configuration.budget = share
        return true
      },
      print: { $0.budget.map { Quantity.text(share: $0) } ?? "exact" }),
    Setting(
      key: "max_blocks",
      comment:
        "Room for live blocks, 46 bytes of kernel memory each; null: by the machine's memory.",
      allowed: "a number from 64 to 1000000000, or null",
      apply: { value, configuration in
        if value == .null {
          configuration.maximumBlocks = nil
          return true
        }
        guard case .scalar(let text) = value, let count = Int(text),
          (64...1_000_000_000).contains(count)
        else { return false }
        configuration.maximumBlocks = count
        return true
      },
      print: { $0.maximumBlocks.map { String($0) } ?? "null" }),
    .integer(
      "max_stacks", \.maximumStacks, 64...16_777_216,
      "Room for distinct stacks, about 800 bytes of kernel memory each."),
    .duration(
      "summary.interval", \.summaryInterval, 10...604_800,
      "Time between two summaries; they begin at multiples of it, those of 1h at full hours in UTC."
    ),
    .path("summary.directory", \.summaryFolder, "Folder of the summaries; null: none are written."),
    .names(
      "summary.formats", allowed: "a list of json and text",
      "json for programs (heaptap.summary/1), text for people.",
      apply: { texts, configuration in
        let formats = texts.compactMap { ServeConfiguration.SummaryFormat(rawValue: $0) }
        guard !texts.isEmpty, formats.count == texts.count, Set(formats).count == formats.count
        else { return false }
        configuration.summaryFormats = formats
        return true
      },
      print: { $0.summaryFormats.map(\.rawValue) }),
    .integer(
      "summary.keep.count", \.summaryRetention.count, 1...1_000_000,
      "Files of summaries that are kept: the newest. The oldest go when any of the three is exceeded."
    ),
    .duration("summary.keep.age", \.summaryRetention.age, 60...315_360_000, "For how long."),
    Setting(
      key: "summary.keep.bytes", comment: "How much of them.",
      allowed: "a size from 64KiB to 1024TiB, with its unit B, KiB, MiB, GiB or TiB",
      apply: { value, configuration in
        guard case .scalar(let text) = value, let byteCount = Quantity.byteCount(text),
          (1 << 16...1 << 50).contains(byteCount)
        else { return false }
        configuration.summaryRetention.byteCount = byteCount
        return true
      },
      print: { Quantity.text(byteCount: $0.summaryRetention.byteCount) }),
    .path(
      "history.path", \.historyPath,
      "SQLite file with the course of processes and suspects; null: none is kept."),
    .duration(
      "history.keep", \.historyRetention, 3600...315_360_000,
      "For how long. Samples are thinned: each for 2 h, one a minute for 2 days, then one a summary."
    ),
    Setting(
      key: "http.listen",
      comment:
        "Where metrics and snapshots are served: a loopback address with its port, or unix: and the path of a\n"
        + "socket; null: nowhere.",
      allowed: "an address such as 127.0.0.1:9464 or [::1]:9464, unix: and a path such as "
        + "unix:/run/heaptap/http.sock, or null",
      apply: { value, configuration in
        switch value {
        case .null: configuration.listen = nil
        case .scalar(let text):
          guard let address = ListenAddress(text) else { return false }
          configuration.listen = address
        case .list: return false
        }
        return true
      },
      print: { $0.listen.map { quoted($0.description) } ?? "null" }),
    Setting(
      key: "http.allow_remote",
      comment:
        "Let other machines connect. Nobody is asked who he is: do this only behind something that does.",
      allowed: "true or false",
      apply: { value, configuration in
        guard value == .scalar("true") || value == .scalar("false") else { return false }
        configuration.allowsRemote = value == .scalar("true")
        return true
      },
      print: { $0.allowsRemote ? "true" : "false" }),
  ]
}
