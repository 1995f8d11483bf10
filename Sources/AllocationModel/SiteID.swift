/// Names a site: equal for equal stacks in equal executables, in every process and every run.
package struct SiteID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Hashes the normalised frames: build id (module name where there is none) and offset, innermost
  /// first.
  ///
  /// FNV-1a, 64 bits, so that ids don't depend on Swift's per-run hash seed.
  package init(stack: [Frame]) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for frame in stack where !frame.isInlined {
      for byte in (frame.buildID ?? frame.module ?? "").utf8 { mix(byte) }
      mix(0)
      var offset = frame.offset
      for _ in 0..<8 {
        mix(UInt8(truncatingIfNeeded: offset))
        offset >>= 8
      }
    }
    self.init(rawValue: hash)
  }

  package static func < (lhs: SiteID, rhs: SiteID) -> Bool { lhs.rawValue < rhs.rawValue }

  /// 16 lower-case hex digits.
  package var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
