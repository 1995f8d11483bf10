extension ServeConfiguration {
  /// Settings that are taken over while the daemon runs.
  private static let reloadableKeys: Set<String> = [
    "scope.exclude", "summary.directory", "summary.formats", "summary.keep.count",
    "summary.keep.age", "summary.keep.bytes",
  ]

  /// Takes over from a newer configuration what can change while the daemon runs.
  ///
  /// - Returns: the keys that were taken over, and those that need a restart.
  package mutating func reload(
    from newer: ServeConfiguration
  ) -> (applied: [String], restart: [String]) {
    let changed = Setting.all.filter { $0.print(self) != $0.print(newer) }.map(\.key)
    excludedNames = newer.excludedNames
    summaryFolder = newer.summaryFolder
    summaryFormats = newer.summaryFormats
    summaryRetention = newer.summaryRetention
    return (
      changed.filter { Self.reloadableKeys.contains($0) },
      changed.filter { !Self.reloadableKeys.contains($0) }
    )
  }

  /// Sets one setting from the command line.
  ///
  /// - Parameters:
  ///   - option: how complaints name it.
  ///   - values: one, or the items of a list.
  package mutating func set(
    _ key: String, option: String, values: [String]
  ) throws(ConfigurationError) {
    guard let setting = Setting.all.first(where: { $0.key == key }) else {
      preconditionFailure("no setting \(key)")
    }
    let scalar = values.first ?? ""
    let isApplied =
      setting.apply(scalar == "null" ? .null : .scalar(scalar), &self)
      || setting.apply(.list(values), &self)
    guard isApplied else {
      throw ConfigurationError("\(option) takes \(setting.allowed)")
    }
  }

  /// What no setting can see alone.
  ///
  /// - Returns: what is wrong, as the end of a sentence; nil if nothing is.
  package var contradiction: String? {
    guard let listen, !listen.isLocal, !allowsRemote else { return nil }
    return
      "http.listen is \(listen), where other machines can connect; take a loopback address or a "
      + "unix: socket, or set http.allow_remote to true"
  }
}
