import Glibc
import LinuxSystem
import SystemPackage

// The one place of this module that knows −1, errno and EINTR.

extension ProcessError.Reason {
  init(errno code: Int32) {
    self =
      switch code {
      case ENOENT, ESRCH: .vanished
      case EACCES, EPERM: .notPermitted
      default: .system(code)
      }
  }
}

/// The C library's sentence for an errno value. `strerror_r(3)`
func systemMessage(_ code: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else {
      return "error \(code)"
    }
    return String(cString: base)
  }
}

/// A file descriptor that is closed with its owner.
struct OwnedFile: ~Copyable {
  let rawValue: Int32

  /// Opens for reading; a FIFO or terminal can't block or capture the caller. `open(2)`
  init(opening path: String) throws(ProcessError) {
    let descriptor = retryingInterrupts { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard descriptor >= 0 else { throw ProcessError(action: "open \(path)", errno: errno) }
    rawValue = descriptor
  }

  init(owning rawValue: Int32) {
    self.rawValue = rawValue
  }

  deinit { close(rawValue) }

  /// Reads what is left, but not more than `limit` bytes. `read(2)`
  borrowing func readAll(
    limit: Int,
    path: @autoclosure () -> String
  ) throws(ProcessError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      var code: Int32 = 0
      // Files of /proc give a page at a time.
      let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkByteCount) { buffer, filled in
        let count = retryingInterrupts { read(rawValue, buffer.baseAddress, buffer.count) }
        if count < 0 { code = errno }
        filled = max(0, count)
      }
      guard code == 0 else { throw ProcessError(action: "read \(path())", errno: code) }
      if chunk.isEmpty { return bytes }
      bytes += chunk
      guard bytes.count <= limit else {
        throw ProcessError(action: "read \(path())", reason: .tooLarge)
      }
    }
  }

  private static let chunkByteCount = 1 << 16
}

func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

/// Names what a path leads to. `stat(2)`
struct FileNumber: Hashable {
  private let device: UInt64
  private let inode: UInt64

  init(_ path: String) throws(ProcessError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw ProcessError(action: "inspect \(path)", errno: errno)
    }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// Where a symbolic link leads, as bytes. `readlink(2)`
func linkTarget(_ path: String) throws(ProcessError) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX) + 64)
  let count = bytes.withUnsafeMutableBytes { buffer in
    buffer.withMemoryRebound(to: CChar.self) { characters in
      characters.baseAddress.map { base in
        retryingInterrupts { readlink(path, base, characters.count) }
      } ?? -1
    }
  }
  guard count >= 0 else { throw ProcessError(action: "read the link \(path)", errno: errno) }
  bytes.removeLast(bytes.count - count)
  return bytes
}

/// The numbers among the names in a folder, in their order.
func sortedNumericEntries(of folder: String) throws(ProcessError) -> [Int32] {
  do throws(Errno) {
    return try numericEntries(of: folder).sorted()
  } catch {
    throw ProcessError(action: "list \(folder)", errno: error.rawValue)
  }
}
