/// The resident memory of a process, split by what it is for.
package struct Residence: Hashable, Sendable {
  package enum Part: String, CaseIterable, Hashable, Sendable {
    /// Blocks that the program holds.
    case live
    /// Headers of blocks, and the allocator's own structures.
    case headers
    /// Chunks in the threads' caches and in fastbins.
    case caches
    /// Whole free pages that `malloc_trim(0)` would give back.
    case trimmable
    /// Whole free pages that it would not, as the ends of arenas other than the main one.
    case kept
    /// Free bytes on pages that are in use otherwise.
    case pinned
    case stacks
    case code
    /// Variables of programs and libraries.
    case data
    /// All other pages of files, shared memory included.
    case files
    case other

    /// Whether it belongs to the heap.
    package var isHeap: Bool {
      switch self {
      case .live, .headers, .caches, .trimmable, .kept, .pinned: true
      case .stacks, .code, .data, .files, .other: false
      }
    }
  }

  package var bytes: [Part: UInt64] = [:]
  /// What the kernel counts (`Rss` of `/proc/PID/smaps_rollup`); nil where it was not asked.
  package var kernelBytes: UInt64?

  package init() {}

  package subscript(part: Part) -> UInt64 {
    get { bytes[part] ?? 0 }
    set { bytes[part] = newValue }
  }

  /// Sum of all parts.
  package var total: UInt64 { bytes.values.reduce(0, +) }

  /// What the kernel counts beyond the sum of the parts, or, negative, short of it.
  package var residue: Int64? {
    kernelBytes.map { Int64(clamping: $0) - Int64(clamping: total) }
  }

  /// Bytes of the heap.
  package var heapBytes: UInt64 {
    Part.allCases.reduce(0) { $1.isHeap ? $0 + self[$1] : $0 }
  }

  /// The share of the heap's resident bytes that the program does not use, 0 to 1.
  package var fragmentation: Double {
    let heap = heapBytes
    return heap > 0 ? 1 - Double(self[.live]) / Double(heap) : 0
  }
}
