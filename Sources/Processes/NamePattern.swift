import Glibc

/// What processes are called, with `*`, `?` and `[…]` as in file names (glob(7)).
package struct NamePattern: Hashable, Sendable, CustomStringConvertible {
  private let text: String

  /// nil for an empty pattern.
  package init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    self.text = text
  }

  package var description: String { text }

  /// Whether a process is meant that has this name, or whose executable has.
  ///
  /// - Parameters:
  ///   - name: as the kernel keeps it, cut to 15 bytes.
  ///   - executable: its path.
  package func matches(name: String, executable: String?) -> Bool {
    if matches(name) || (name.utf8.count >= 15 && matches(prefixOf: name)) { return true }
    guard let executable else { return false }
    if text.contains("/") { return matches(executable) }
    return matches(String(executable.split(separator: "/").last ?? ""))
  }

  /// The corresponding C function is `fnmatch`.
  private func matches(_ name: String) -> Bool { fnmatch(text, name, 0) == 0 }

  /// A name that was cut may be the beginning of one without wildcards.
  private func matches(prefixOf name: String) -> Bool { text.hasPrefix(name) }
}
