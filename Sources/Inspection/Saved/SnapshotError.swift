/// Why a snapshot could not be saved or read.
package struct SnapshotError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Reason: Hashable, Sendable {
    /// The file can't be opened or read, and why.
    case unreadable(String)
    /// It is something else.
    case foreign
    /// Another heaptap has written it.
    case version(UInt32)
    /// What is wrong with it.
    case damaged(String)
    /// It can't be written, and why.
    case unwritable(String)
  }

  package var path: String
  package var reason: Reason

  package init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  package var description: String {
    switch reason {
    case .unreadable(let why): "cannot read the snapshot \(path): \(why); name a readable file"
    case .foreign:
      "cannot read the snapshot \(path): it is none; name a file that was written with --save"
    case .version(let version):
      "cannot read the snapshot \(path): its format \(version) is not \(SnapshotSection.version); use the heaptap that wrote it, or save it anew"
    case .damaged(let what): "cannot read the snapshot \(path): \(what); copy it or save it anew"
    case .unwritable(let why):
      "cannot save the snapshot to \(path): \(why); name a file in a writable folder with room"
    }
  }

  /// As heaptap ends with it.
  package var status: Int32 {
    switch reason {
    case .unreadable, .foreign, .unwritable: 2
    case .version: 3
    case .damaged: 4
    }
  }
}
