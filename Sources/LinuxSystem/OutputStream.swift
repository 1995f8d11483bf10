import CLinux
import Glibc

/// Writes text to a descriptor at once, without a buffer of its own.
package struct OutputStream: Sendable {
  package static let standardOutput = OutputStream(descriptor: STDOUT_FILENO)
  package static let standardError = OutputStream(descriptor: STDERR_FILENO)

  package let descriptor: Int32

  package init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  package var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal behind it, nil if there is none.
  package var columns: Int? {
    let columns = Int(linux_terminal_columns(descriptor))
    return columns > 0 ? columns : nil
  }

  /// Writes all of it. False: the reader has left or the device is full; what follows would be lost too.
  @discardableResult
  package func write(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count {
        let written = Glibc.write(
          descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
        if written < 0 {
          if errno == EINTR { continue }
          return false
        }
        offset += written
      }
      return true
    }
  }
}
