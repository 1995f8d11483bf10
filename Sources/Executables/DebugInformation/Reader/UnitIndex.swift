import AllocationModel
import CElfutils

/// Finds the compilation unit that an address lies in.
///
/// `.debug_aranges` says it, but clang writes none; then the ranges of all units are read, once.
struct UnitIndex {
  private struct Part {
    var start: UInt64
    var end: UInt64
    var unit: Dwarf_Die
    var bias: UInt64
  }

  private static let rangeLimit = 1 << 16
  private static let partLimit = 4 << 20

  /// Sorted by start; nil until they were needed.
  private var parts: [Part]?

  mutating func unit(at address: UInt64, _ module: OpaquePointer) -> DebugUnit? {
    var bias: Dwarf_Addr = 0
    if let unit = dwfl_module_addrdie(module, address, &bias) {
      return DebugUnit(DebugEntry(unit.pointee), bias: bias)
    }
    let parts = self.parts ?? Self.read(module)
    self.parts = parts
    let low = parts.endOfPrefix { $0.start <= address }
    // Units rarely overlap; where they do, the nearest ones before are looked at.
    for part in parts[max(0, low - 8)..<low].reversed() where address < part.end {
      return DebugUnit(DebugEntry(part.unit), bias: part.bias)
    }
    return nil
  }

  private static func read(_ module: OpaquePointer) -> [Part] {
    var parts: [Part] = []
    var bias: Dwarf_Addr = 0
    var current: UnsafeMutablePointer<Dwarf_Die>?
    while parts.count < partLimit, let unit = dwfl_module_nextcu(module, current, &bias) {
      current = unit
      for range in DebugEntry(unit.pointee).ranges(limit: rangeLimit) {
        parts.append(
          Part(
            start: range.start &+ bias, end: range.end &+ bias, unit: unit.pointee, bias: bias))
      }
    }
    return parts.sorted { $0.start < $1.start }
  }
}
