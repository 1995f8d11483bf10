/// What is wrong with a configuration, as one sentence.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}
