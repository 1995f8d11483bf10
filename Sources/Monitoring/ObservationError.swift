/// Why a target can't be observed, as one sentence.
package struct ObservationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of answer the caller gets; the raw value is the exit status.
  package enum Kind: Int32, Sendable {
    case usage = 2
    case notPermitted = 3
    case targetUnobservable = 4
  }

  package var kind: Kind
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
