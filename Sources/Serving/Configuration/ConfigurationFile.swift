import Yams

/// Reads and prints the configuration file.
///
/// It is YAML: people who run Prometheus write it every day, and its parser tells the line of each key, so that every complaint
/// can name it. Scalars are taken as they are written, so that `no` is a name and not false.
package struct ConfigurationFile: Sendable {
  /// Bytes; a longer file is refused.
  package static let byteLimit = 1 << 20

  private let path: String

  /// - Parameter path: how complaints name the file.
  package init(path: String) {
    self.path = path
  }

  /// The configuration that a file's bytes describe; what is not in it keeps its default.
  package func parse(_ bytes: [UInt8]) throws(ConfigurationError) -> ServeConfiguration {
    guard bytes.count <= Self.byteLimit else {
      throw complaint(nil, "it is longer than \(Self.byteLimit) bytes")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw complaint(nil, "it is not UTF-8 text")
    }
    var configuration = ServeConfiguration()
    var scopes: [String] = []
    for (key, node) in try entries(of: text) {
      guard let setting = Setting.all.first(where: { $0.key == key }) else {
        throw unknown(key, node)
      }
      guard let value = Self.value(of: node), setting.apply(value, &configuration) else {
        throw complaint(node, "\(key) takes \(setting.allowed)")
      }
      guard key.hasPrefix("scope."), key != "scope.exclude" else { continue }
      scopes.append(key)
      if scopes.count > 1 {
        throw complaint(node, "\(scopes[0]) and \(key) exclude each other: give one of them")
      }
    }
    if let contradiction = configuration.contradiction { throw complaint(nil, contradiction) }
    return configuration
  }

  /// The file that gives this configuration, with every setting explained.
  package static func text(_ configuration: ServeConfiguration) -> String {
    var lines = [
      "# The configuration of `heaptap serve`. What is left out has the value given here."
    ]
    var sections: [String] = []
    for setting in Setting.all {
      let parts = setting.key.split(separator: ".").map(String.init)
      let depth = parts.count - 1
      if Array(parts.prefix(depth)) != sections {
        let common = zip(parts.prefix(depth), sections).prefix { $0 == $1 }.count
        if common == 0 { lines.append("") }
        for level in common..<depth {
          lines.append(String(repeating: "  ", count: level) + "\(parts[level]):")
        }
        sections = Array(parts.prefix(depth))
      }
      let margin = String(repeating: "  ", count: depth)
      for comment in setting.comment.split(separator: "\n") {
        lines.append("\(margin)# \(comment)")
      }
      // A setting that excludes the one that is set is shown, but commented out.
      let value = setting.print(configuration)
      let example = setting.allowed.drop { $0 != "[" }
      lines.append(
        value.map { "\(margin)\(parts[depth]): \($0)" }
          ?? "\(margin)# \(parts[depth]): \(example.isEmpty ? "true" : example)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: YAML

  /// Keys with dots between the sections, and what they have.
  private func entries(of text: String) throws(ConfigurationError) -> [(String, Node)] {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw complaint(error)
    } catch {
      throw complaint(nil, "it is not YAML")
    }
    guard let root else { return [] }
    if root.isNull { return [] }
    guard case .mapping(let mapping) = root else {
      throw complaint(root, "the file takes settings such as `interval: 2s`")
    }
    var entries: [(String, Node)] = []
    try flatten(mapping, prefix: "", into: &entries)
    return entries
  }

  private func flatten(
    _ mapping: Node.Mapping, prefix: String, into entries: inout [(String, Node)]
  ) throws(ConfigurationError) {
    for (keyNode, value) in mapping {
      guard case .scalar(let scalar) = keyNode else {
        throw complaint(keyNode, "a setting's name is a word")
      }
      let key = prefix + scalar.string
      let isSection = Setting.all.contains { $0.key.hasPrefix(key + ".") }
      if isSection, case .mapping(let section) = value {
        try flatten(section, prefix: key + ".", into: &entries)
      } else if isSection, value.isNull {
        continue
      } else if isSection {
        throw complaint(value, "\(key) takes settings below it: \(Self.names(in: key))")
      } else if Setting.all.contains(where: { $0.key == key }) {
        entries.append((key, value))
      } else {
        throw unknown(key, keyNode)
      }
    }
  }

  private static func value(of node: Node) -> Setting.Value? {
    switch node {
    case .scalar(let scalar): return node.isNull ? .null : .scalar(scalar.string)
    case .sequence(let sequence):
      var items: [String] = []
      for item in sequence {
        guard case .scalar(let scalar) = item, !item.isNull else { return nil }
        items.append(scalar.string)
      }
      return .list(items)
    default: return nil
    }
  }

  // MARK: Complaints

  private func unknown(_ key: String, _ node: Node) -> ConfigurationError {
    let section = key.split(separator: ".").dropLast().joined(separator: ".")
    let place = section.isEmpty ? "the file" : section
    return complaint(
      node, "there is no setting \(Self.printable(key)); \(place) has \(Self.names(in: section))")
  }

  private static func names(in section: String) -> String {
    let prefix = section.isEmpty ? "" : section + "."
    var names: [String] = []
    for setting in Setting.all where setting.key.hasPrefix(prefix) {
      let name = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
      if !names.contains(name) { names.append(name) }
    }
    return names.joined(separator: ", ")
  }

  private func complaint(_ node: Node?, _ sentence: String) -> ConfigurationError {
    let line = node?.mark.map { " line \($0.line)" } ?? ""
    return ConfigurationError("cannot use \(path)\(line): \(sentence)")
  }

  private func complaint(_ error: YamlError) -> ConfigurationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ConfigurationError(
        "cannot use \(path) line \(mark.line): it is not YAML: \(Self.printable(problem))")
    case .duplicatedKeysInMapping(let keys, let context):
      ConfigurationError(
        "cannot use \(path) line \(context.mark.line): "
          + "\(Self.printable(keys.map { "\($0)" }.joined(separator: ", "))) is there twice; keep one"
      )
    default: complaint(nil, "it is not YAML")
    }
  }

  /// At most 60 characters of a text that may hold anything.
  private static func printable(_ text: String) -> String {
    let kept = text.unicodeScalars.prefix(60).map { scalar in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "·" : Character(scalar)
    }
    return String(kept) + (text.unicodeScalars.count > 60 ? "…" : "")
  }
}

extension Node {
  /// A plain `null`, `~` or nothing.
  fileprivate var isNull: Bool {
    guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else {
      return false
    }
    return ["", "~", "null"].contains(scalar.string)
  }
}
