import AllocationModel
import CElfutils

/// The functions of one compilation unit by address.
struct FunctionIndex {
  private struct Part {
    var start: UInt64
    var end: UInt64
    var function: Dwarf_Die
  }

  private static let rangeLimit = 1024
  /// Entries that are looked at, and how deep scopes nest: more than any compiler writes.
  private static let entryLimit = 16 << 20
  private static let depthLimit = 64

  private var parts: [Part] = []
  var count: Int { parts.count }

  /// Walks the tree of the unit once.
  init(_ root: DebugEntry) {
    var entries = 0
    collect(root, depth: 0, &entries)
    parts.sort { $0.start < $1.start }
  }

  /// The function whose code it is: of several the shortest part, and a function's part is a whole function
  /// where none is nested in it.
  func function(at address: UInt64) -> DebugEntry? {
    let low = parts.endOfPrefix { $0.start <= address }
    return parts[max(0, low - 8)..<low].reversed().first { address < $0.end }.map {
      DebugEntry($0.function)
    }
  }

  private mutating func collect(_ parent: DebugEntry, depth: Int, _ entries: inout Int) {
    guard depth < Self.depthLimit else { return }
    parent.forEachChild { child in
      entries += 1
      guard entries < Self.entryLimit else { return false }
      let tag = child.tag
      if tag == DW_TAG_subprogram {
        for range in child.ranges(limit: Self.rangeLimit) {
          parts.append(Part(start: range.start, end: range.end, function: child.die))
        }
      }
      if Self.scopeTags.contains(tag), child.hasChildren {
        collect(child, depth: depth + 1, &entries)
      }
      return true
    }
  }

  /// What functions are defined in: languages nest them in namespaces, types and other functions.
  private static let scopeTags: Set<Int32> = Set(
    [
      DW_TAG_namespace, DW_TAG_module, DW_TAG_subprogram, DW_TAG_lexical_block,
      DW_TAG_class_type, DW_TAG_structure_type, DW_TAG_union_type, DW_TAG_enumeration_type,
      DW_TAG_interface_type, DW_TAG_variant_part, DW_TAG_variant,
    ].map { Int32($0) })
}

/// The indices of the units that were asked for, up to a bound.
struct FunctionIndexCache {
  /// Functions, at some 50 bytes each.
  private static let functionLimit = 1 << 20

  private var indicesByUnit: [UnsafeMutableRawPointer: FunctionIndex] = [:]
  private var functionCount = 0

  /// `root` is the entry of the unit in whose tree the functions are.
  mutating func function(at address: UInt64, in root: DebugEntry) -> DebugEntry? {
    guard let key = root.die.addr else { return nil }
    if let known = indicesByUnit[key] { return known.function(at: address) }
    let index = FunctionIndex(root)
    if functionCount + index.count > Self.functionLimit {
      indicesByUnit = [:]
      functionCount = 0
    }
    indicesByUnit[key] = index
    functionCount += index.count
    return index.function(at: address)
  }
}
