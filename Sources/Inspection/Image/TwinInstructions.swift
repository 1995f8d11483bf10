import Glibc
import LinuxSystem
import Processes

extension TwinInstructions {
  /// What a C library ends signal handlers with, as glibc writes it and as others do, and a system call before a return.
  private static let restores: [[UInt8]] = [
    [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], [0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05],
  ]
  private static let call: [UInt8] = [0x0f, 0x05, 0xc3]
  /// Bytes of code that are looked at in one step, and at most of a mapping.
  private static let step = 1 << 20
  private static let limit: UInt64 = 64 << 20

  /// Finds them in the code of a process; nil if it has none, as a program without a C library.
  init?(in mappings: [MemoryMapping], of pid: Int32) {
    var found: (call: UInt64?, restore: UInt64?) = (nil, nil)
    for mapping in mappings
    where mapping.permissions.contains(.execute) && (mapping.isFile || mapping.path == "[vdso]") {
      var start = mapping.start
      let end = min(mapping.end, mapping.start + Self.limit)
      while start < end {
        // Steps overlap by what is looked for.
        let code = Code(of: pid, start..<min(end, start + UInt64(Self.step + 8)))
        if found.call == nil { found.call = code?.address(of: Self.call) }
        for pattern in Self.restores where found.restore == nil {
          found.restore = code?.address(of: pattern)
        }
        if let call = found.call, let restore = found.restore {
          self.init(call: call, restore: restore)
          return
        }
        start += UInt64(Self.step)
      }
    }
    return nil
  }
}

/// Some code of a process.
private struct Code {
  private let start: UInt64
  private let memory: ReservedMemory
  private let count: Int

  init?(of pid: Int32, _ range: Range<UInt64>) {
    guard let memory = try? ReservedMemory(byteCount: range.count),
      let count = try? memory.copy(from: pid, at: range.lowerBound, to: 0..<range.count)
    else { return nil }
    (start, self.memory, self.count) = (range.lowerBound, memory, count)
  }

  /// Where a run of bytes begins first.
  func address(of pattern: [UInt8]) -> UInt64? {
    memory.withBytes { bytes in
      bytes.withUnsafeBytes { bytes in
        guard var next = bytes.baseAddress else { return nil }
        let end = next + count
        while next < end, let first = memchr(next, Int32(pattern[0]), end - next) {
          guard end - UnsafeRawPointer(first) >= pattern.count else { return nil }
          if memcmp(first, pattern, pattern.count) == 0 {
            return start + UInt64(UnsafeRawPointer(first) - (end - count))
          }
          next = UnsafeRawPointer(first) + 1
        }
        return nil
      }
    }
  }
}
