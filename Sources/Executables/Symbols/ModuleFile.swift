import LinuxSystem
package import Processes
import Synchronization

/// A module's file, kept open so that its debug information can be read when it is asked for, also after the process
/// has ended and the file was deleted.
package final class ModuleFile: Sendable {
  package let identity: FileIdentity
  /// Different for each, from 1 on.
  let number: UInt32
  private static let lastNumber = Atomic<UInt32>(0)
  /// Path in the mount namespace of the process that mapped it.
  let path: String
  let root: ProcessRoot?
  private let descriptor: Mutex<OwnedDescriptor?>

  init(
    _ descriptor: consuming OwnedDescriptor, identity: FileIdentity, path: String,
    root: ProcessRoot?
  ) {
    self.descriptor = Mutex(descriptor)
    number = Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
    self.identity = identity
    self.path = path
    self.root = root
  }

  /// Calls `body` with the file's descriptor and the one of its root folder, if that is another than this process's;
  /// nil where the file had to be closed.
  func withDescriptors<Result>(_ body: ([Int32]) -> Result) -> Result? {
    descriptor.withLock { descriptor in
      guard let file = descriptor?.rawValue else { return nil }
      return body([file] + (root.map { [$0.descriptor] } ?? []))
    }
  }

  /// The file once more, independent of the descriptor that is kept; nil where it had to be closed, or was changed since.
  func reopened<Result>(_ body: (consuming RegularFile) -> Result?) -> Result? {
    withDescriptors { descriptors -> Result? in
      guard let descriptor = descriptors.first,
        let file = try? RegularFile(opening: "/proc/self/fd/\(descriptor)"),
        file.identity == identity
      else { return nil }
      return body(file)
    } ?? nil
  }

  /// What is read of the executable; nil where that can't be done any more.
  func read<Result>(_ body: (borrowing ELFFile) -> Result) -> Result? {
    reopened { file in
      guard let executable = try? ELFFile(file) else { return nil }
      return body(executable)
    }
  }

  /// Gives the descriptor up for others.
  func close() {
    descriptor.withLock { $0 = nil }
  }
}
