import CLibBPF
import Glibc
import Synchronization

/// Keeps what libbpf wants to print, so that it becomes part of an error instead of noise on a terminal.
enum LibBPFLog {
  private static let lines = Mutex<[String]>([])

  static func install() {
    libbpf_set_print { level, format, arguments in
      guard level == LIBBPF_WARN, let format, let arguments else { return 0 }
      let capacity = 16_384
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
        buffer.baseAddress.map { start in
          vsnprintf(start, capacity, format, arguments)
          return String(cString: start)
        } ?? ""
      }
      LibBPFLog.append(text)
      return 0
    }
  }

  private static func append(_ text: String) {
    lines.withLock { lines in
      for line in text.split(separator: "\n") { lines.append(String(line)) }
      if lines.count > 200 { lines.removeFirst(lines.count - 200) }
    }
  }

  /// The last few lines that say something, joined to one; forgets them.
  static func take() -> String {
    lines.withLock { lines in
      let telling = lines.filter { !$0.contains("-- ") && !$0.hasPrefix("processed ") }
      lines = []
      return telling.suffix(3).joined(separator: "; ")
    }
  }
}
