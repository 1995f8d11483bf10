import LinuxSystem
import Processes

/// The root folder of a process in another mount namespace or root, held open.
package final class ProcessRoot: Sendable {
  private let folder: OwnedDescriptor
  var descriptor: Int32 { folder.rawValue }

  /// nil where the process sees the files that this one sees, or is gone or out of reach.
  init?(of directory: ProcessDirectory) {
    guard directory.hasOwnRoot, let folder = try? OwnedDescriptor.folder("\(directory.path)/root")
    else { return nil }
    self.folder = folder
  }

  /// nil without a folder.
  init?(taking folder: consuming OwnedDescriptor?) {
    guard let folder else { return nil }
    self.folder = folder
  }

  /// Opens a file for reading as the process would; nil where it can't.
  func open(_ path: String) -> RegularFile? {
    guard let descriptor = try? folder.opening(path) else { return nil }
    return try? RegularFile(taking: descriptor, path: path)
  }

  /// A folder that is taken for a root.
  package init?(_ path: String) {
    guard let folder = try? OwnedDescriptor.folder(path) else { return nil }
    self.folder = folder
  }
}
