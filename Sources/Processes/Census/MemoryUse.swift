import Glibc

/// How much memory a process has, as `/proc/PID/statm` tells it (proc_pid_statm(5)).
///
/// The kernel keeps these numbers per CPU and may be some dozen pages behind.
package struct MemoryUse: Hashable, Sendable {
  /// Mapped, resident or not, bytes.
  package var virtualBytes: UInt64
  /// Resident, bytes.
  package var residentBytes: UInt64
  /// Resident and in no file nor shared, bytes: heap, stacks, and copies of private file pages.
  package var anonymousBytes: UInt64
  /// Private and writable, resident or not, bytes (`VmData` and `VmStk` of `/proc/PID/status`).
  package var dataBytes: UInt64

  /// A kernel thread, or a process that has ended and waits for its parent.
  package var isEmpty: Bool { virtualBytes == 0 }

  /// Parses the seven numbers of the file: size, resident, shared, text, lib, data, dirty pages. nil for anything else.
  package init?(parsing text: some Collection<UInt8>, pageSize: UInt64 = Self.systemPageSize) {
    var scanner = ByteScanner(Array(text)[...])
    var bytes: [UInt64] = []
    while bytes.count < 6 {
      scanner.skipSpaces()
      guard let pages: UInt64 = scanner.number(radix: 10) else { return nil }
      let (product, overflow) = pages.multipliedReportingOverflow(by: pageSize)
      guard !overflow else { return nil }
      bytes.append(product)
    }
    virtualBytes = bytes[0]
    residentBytes = bytes[1]
    anonymousBytes = bytes[1] > bytes[2] ? bytes[1] - bytes[2] : 0
    dataBytes = bytes[5]
  }

  package static let systemPageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
}
