import Executables
import Foundation
import Processes
import Testing

/// A file in the temporary folder that is removed with its owner.
final class TemporaryFile {
  let path: String

  init(_ bytes: [UInt8]) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "heaptap-\(UUID())").path
    try write(bytes)
  }

  deinit { unlink(path) }

  /// Replaces the contents in place.
  func write(_ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  func truncate(to count: Int) {
    _ = Foundation.truncate(path, off_t(count))
  }
}

/// The C library that this process has mapped.
func mappedLibc() throws -> MemoryMapping? {
  try ProcessDirectory(pid: getpid()).mappings().mappings.first {
    $0.permissions.contains(.execute) && $0.path?.contains("/libc.so") == true
  }
}

/// `#require` for what comes from a value that can't be copied, which the macro would do.
func required<Value>(
  _ value: Value?,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> Value {
  try #require(value, sourceLocation: sourceLocation)
}
