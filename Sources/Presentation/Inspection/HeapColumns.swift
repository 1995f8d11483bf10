import AllocationModel

/// One line of the table in which resident memory adds up.
struct ResidenceRow: Sendable {
  /// What the memory is for.
  var name: String
  var bytes: UInt64
  /// Of all resident memory, 0 to 1.
  var share: Double
}

extension ColumnSet where Row == ResidenceRow {
  static var residence: ColumnSet {
    ColumnSet(
      all: [
        Column("RESIDENT", unit: .bytes, width: 8) { Figure.bytes($0.bytes) },
        Column("SHARE", width: 5) { $0.share.percentage },
        Column("WHAT FOR", width: 20, alignment: .leading, isFlexible: true) { $0.name },
      ],
      importance: ["RESIDENT", "WHAT FOR", "SHARE"])
  }
}

extension ColumnSet where Row == HeapAccount.Arena {
  static var arenas: ColumnSet {
    ColumnSet(
      all: [
        Column("ARENA", width: 14, alignment: .leading) {
          $0.isMain ? "main" : Figure.hexadecimal($0.address)
        },
        // From the kernel, by the allocator's own account.
        Column("SIZE", unit: .bytes, width: 8) { Figure.bytes($0.systemBytes) },
        Column("LIVE", unit: .bytes, width: 8) { Figure.bytes($0.live.bytes) },
        Column("BLOCKS", unit: .blocks, width: 7) { Figure.count($0.live.blocks) },
        Column("CACHED", unit: .bytes, width: 8) { Figure.bytes($0.free.cached + $0.free.fast) },
        Column("BINNED", unit: .bytes, width: 8) { Figure.bytes($0.free.binned) },
        Column("TOP", unit: .bytes, width: 8) { Figure.bytes($0.free.top) },
        Column("LARGEST", unit: .bytes, width: 8) { Figure.bytes($0.free.largest) },
      ],
      importance: ["ARENA", "LIVE", "SIZE", "BINNED", "TOP", "CACHED", "BLOCKS", "LARGEST"])
  }
}

extension ColumnSet where Row == HeapAccount.SizeClass {
  static var sizeClasses: ColumnSet {
    ColumnSet(
      all: [
        // The largest of the class.
        Column("UP TO", unit: .bytes, width: 7) { Figure.bytes($0.limit) },
        Column("LIVE", unit: .bytes, width: 8) { Figure.bytes($0.live.bytes) },
        Column("BLOCKS", unit: .blocks, width: 7) { Figure.count($0.live.blocks) },
        Column("FREE", unit: .bytes, width: 8) { Figure.bytes($0.free.bytes) },
        Column("CHUNKS", unit: .blocks, width: 7) { Figure.count($0.free.blocks) },
        Column("IN USE", width: 6) { $0.usedShare.percentage },
        // Nearly empty pages that a block of the class keeps, and what is free there.
        Column("PAGES", width: 6) { Figure.count($0.pinnedPages) },
        Column("PINNED", unit: .bytes, width: 8) { Figure.bytes($0.pinnedFreeBytes) },
      ],
      importance: ["UP TO", "LIVE", "BLOCKS", "FREE", "IN USE", "PINNED", "PAGES", "CHUNKS"])
  }
}

extension ColumnSet where Row == HeapAccount.Pin {
  static var pins: ColumnSet {
    ColumnSet(
      all: [
        Column("PINNED", unit: .bytes, width: 8) { Figure.bytes($0.freeBytes) },
        Column("PAGES", width: 7) { Figure.count($0.pages) },
        Column("BY BLOCKS OF", unit: .bytes, width: 12) {
          $0.blockBytes > 0 ? Figure.bytes($0.blockBytes) : "caches"
        },
        Column("SUCH AS", width: 14, alignment: .leading, isFlexible: true) {
          $0.addresses.map { Figure.hexadecimal($0) }.joined(separator: " ")
        },
      ],
      importance: ["PINNED", "BY BLOCKS OF", "PAGES", "SUCH AS"])
  }
}

extension HeapAccount.SizeClass {
  /// The share of bytes of this class that the program holds, 0 to 1.
  fileprivate var usedShare: Double {
    let all = live.bytes + free.bytes
    return all > 0 ? Double(live.bytes) / Double(all) : 0
  }
}

extension Double {
  /// `37 %` of a share from 0 to 1; `<1 %` of what would round to nothing.
  var percentage: String {
    self > 0 && self < 0.005 ? "<1 %" : "\(Int((100 * self).rounded())) %"
  }
}
