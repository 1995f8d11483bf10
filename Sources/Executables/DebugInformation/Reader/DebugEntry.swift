import CElfutils

/// One entry of a compilation unit's tree (DIE).
struct DebugEntry {
  private(set) var die: Dwarf_Die

  init(_ die: Dwarf_Die) {
    self.die = die
  }

  /// `DW_TAG_…`
  var tag: Int32 {
    var die = die
    return dwarf_tag(&die)
  }
  /// Position in its section.
  var offset: UInt64 {
    var die = die
    return dwarf_dieoffset(&die)
  }
  var hasChildren: Bool {
    var die = die
    return dwarf_haschildren(&die) == 1
  }

  /// Whether it covers the address, as the unit's own addresses are.
  func contains(_ address: UInt64) -> Bool {
    var die = die
    return dwarf_haspc(&die, address) == 1
  }

  /// The code it covers: pairs of the first address and the one behind the last.
  func ranges(limit: Int) -> [(start: UInt64, end: UInt64)] {
    var die = die
    var ranges: [(UInt64, UInt64)] = []
    var base: Dwarf_Addr = 0
    var start: Dwarf_Addr = 0
    var end: Dwarf_Addr = 0
    var position = 0
    while ranges.count < limit {
      position = dwarf_ranges(&die, position, &base, &start, &end)
      guard position > 0 else { break }
      // Linkers leave zero where they dropped the code.
      if start > 0, start < end { ranges.append((start, end)) }
    }
    return ranges
  }

  /// Calls `body` for each child until it returns false.
  func forEachChild(_ body: (DebugEntry) -> Bool) {
    var parent = die
    var child = Dwarf_Die()
    guard dwarf_child(&parent, &child) == 0 else { return }
    while true {
      let entry = DebugEntry(child)
      guard body(entry) else { return }
      var current = child
      // A link to the next sibling that leads back would never end.
      guard dwarf_siblingof(&current, &child) == 0, DebugEntry(child).offset > entry.offset else {
        return
      }
    }
  }

  /// Its name, also where another entry has it for this one.
  var name: String? { text(DW_AT_name) }
  var linkageName: String? { text(DW_AT_linkage_name) ?? text(DW_AT_MIPS_linkage_name) }
  var compilationFolder: String? { text(DW_AT_comp_dir) }

  func number(_ attribute: Int) -> UInt64? {
    var die = die
    var found = Dwarf_Attribute()
    var value: Dwarf_Word = 0
    guard dwarf_attr(&die, UInt32(attribute), &found) != nil, dwarf_formudata(&found, &value) == 0
    else { return nil }
    return value
  }

  private func text(_ attribute: Int) -> String? {
    var die = die
    var found = Dwarf_Attribute()
    guard dwarf_attr_integrate(&die, UInt32(attribute), &found) != nil,
      let text = dwarf_formstring(&found), text.pointee != 0
    else { return nil }
    return String(cString: text)
  }
}
