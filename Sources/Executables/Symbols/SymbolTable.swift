import AllocationModel

/// Names the function that an address of one module lies in.
///
/// An address belongs to the function with the highest start whose `[start, start + size)` holds it; a
/// function without size names only the address it starts at, and only where no sized one is. So code
/// that the table doesn't cover stays unnamed and never gets its neighbour's name.
///
/// Functions may nest or overlap; they are cut into disjoint pieces once, which makes a lookup one binary
/// search. A piece takes 20 bytes, and each name is kept once.
package struct SymbolTable: Sendable {
  package struct Symbol: Hashable, Sendable {
    package var name: String
    /// Virtual address in the module.
    package var start: UInt64
  }

  /// First address of each piece, ascending.
  private var starts: [UInt64] = []
  /// Bytes of each piece, > 0.
  private var lengths: [UInt32] = []
  /// Bytes from the start of the function to its piece.
  private var distances: [UInt32] = []
  /// Where each piece's name starts in `names`.
  private var nameOffsets: [UInt32] = []
  /// Names, each ended by NUL.
  private var names: [UInt8] = []

  package static let empty = SymbolTable()

  private init() {}

  /// The function at a virtual address of the module; nil where none is known.
  package func symbol(at address: UInt64) -> Symbol? {
    let low = starts.endOfPrefix { $0 <= address }
    let piece = low - 1
    guard piece >= 0, address - starts[piece] < UInt64(lengths[piece]) else { return nil }
    let name = names[Int(nameOffsets[piece])...].prefix { $0 != 0 }
    return Symbol(
      name: String(decoding: name, as: UTF8.self),
      start: starts[piece] &- UInt64(distances[piece])
    )
  }

  /// A stretch of addresses with one name.
  package struct Piece: Hashable, Sendable {
    /// Virtual address in the module.
    package var start: UInt64
    /// > 0.
    package var byteCount: UInt32
    /// Bytes from the start of the function to this piece of it.
    package var distance: UInt32
    package var name: String

    package init(start: UInt64, byteCount: UInt32, distance: UInt32, name: String) {
      self.start = start
      self.byteCount = byteCount
      self.distance = distance
      self.name = name
    }
  }

  package var pieceCount: Int { starts.count }

  /// Ascending by address.
  package func piece(at position: Int) -> Piece {
    let name = names[Int(nameOffsets[position])...].prefix { $0 != 0 }
    return Piece(
      start: starts[position], byteCount: lengths[position], distance: distances[position],
      name: String(decoding: name, as: UTF8.self))
  }

  /// Appends a piece; false, if it is not behind the last one, empty, or longer than its function.
  package mutating func append(_ piece: Piece) -> Bool {
    if let last = starts.last, let length = lengths.last {
      guard piece.start > last, piece.start - last >= UInt64(length) else { return false }
    }
    guard piece.byteCount > 0, UInt64(piece.distance) <= piece.start,
      let nameOffset = UInt32(exactly: names.count)
    else { return false }
    starts.append(piece.start)
    lengths.append(piece.byteCount)
    distances.append(piece.distance)
    nameOffsets.append(nameOffset)
    names += piece.name.utf8.prefix { $0 != 0 }
    names.append(0)
    return true
  }

  package var isEmpty: Bool { starts.isEmpty }
  /// Bytes of memory held, for cache bounds.
  package var byteCount: Int { starts.capacity * 20 + names.capacity }
}

extension SymbolTable {
  /// Makes a table from functions that disjoint pieces are cut from, in the order of `SymbolOrder`.
  init(_ functions: [SymbolTableBuilder.Function], names functionNames: [UInt8]) {
    var sweep = PieceSweep()
    for index in functions.indices { sweep.add(index, functions) }
    sweep.finish(functions)

    let count = sweep.pieces.count
    starts.reserveCapacity(count)
    lengths.reserveCapacity(count)
    distances.reserveCapacity(count)
    nameOffsets.reserveCapacity(count)
    var keptOffsets: [Int: UInt32] = [:]
    for piece in sweep.pieces {
      let function = functions[piece.function]
      let nameOffset: UInt32
      if let kept = keptOffsets[piece.function] {
        nameOffset = kept
      } else {
        nameOffset = UInt32(names.count)
        names += functionNames[Int(function.nameOffset)...].prefix { $0 != 0 }
        names.append(0)
        if piece.end < function.end { keptOffsets[piece.function] = nameOffset }
      }
      starts.append(piece.start)
      lengths.append(UInt32(piece.end - piece.start))
      distances.append(UInt32(piece.start - function.start))
      nameOffsets.append(nameOffset)
    }
    // Appending left up to half of the buffer unused.
    names = names.withUnsafeBufferPointer { Array($0) }
  }
}

/// Cuts overlapping functions, which come sorted by start, into disjoint pieces: the latest start wins.
private struct PieceSweep {
  var pieces: [(start: UInt64, end: UInt64, function: Int)] = []
  /// Functions that began and may not have ended, the latest on top.
  private var open: [Int] = []
  private var cursor: UInt64 = 0

  mutating func add(_ index: Int, _ functions: [SymbolTableBuilder.Function]) {
    let function = functions[index]
    close(upTo: function.start, functions)
    cursor = function.start
    while let top = open.last, functions[top].end <= cursor { open.removeLast() }
    if function.hasNoSize, let top = open.last, !functions[top].hasNoSize { return }
    open.append(index)
  }

  mutating func finish(_ functions: [SymbolTableBuilder.Function]) {
    close(upTo: .max, functions)
  }

  private mutating func close(upTo limit: UInt64, _ functions: [SymbolTableBuilder.Function]) {
    while cursor < limit, let top = open.last {
      let end = min(functions[top].end, limit)
      if end > cursor {
        pieces.append((cursor, end, top))
        cursor = end
      }
      if functions[top].end <= limit { open.removeLast() }
    }
  }
}
