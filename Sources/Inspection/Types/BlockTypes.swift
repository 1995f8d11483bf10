package import AllocationModel

/// The type of every block of a heap.
package struct BlockTypes: Sendable {
  /// Each type once.
  package private(set) var all: [BlockType] = []
  /// Position in `all` for each block.
  private(set) var numbers: [UInt32] = []

  package subscript(block: Int) -> BlockType { all[Int(numbers[block])] }

  /// - Precondition: each number is a position in `all`.
  init(all: [BlockType], numbers: [UInt32]) {
    self.all = all
    self.numbers = numbers
  }

  /// - Parameter readNames: makes symbols readable.
  init(
    of blocks: [HeapBlock], classifier: inout BlockClassifier,
    readNames: HeapSurvey.NameReading
  ) {
    // By finding and, where there is nothing else, by size: a name for each block would take longer than all the rest.
    var known: [BlockClassifier.Finding: UInt32] = [:]
    var knownBySize: [UInt64: UInt32] = [:]
    numbers.reserveCapacity(blocks.count)
    for block in blocks {
      let finding = classifier.finding(of: block)
      let isBySize = finding == .looks(.size)
      if let number = isBySize ? knownBySize[block.byteCount] : known[finding] {
        numbers.append(number)
        continue
      }
      let number = UInt32(all.count)
      if isBySize { knownBySize[block.byteCount] = number } else { known[finding] = number }
      numbers.append(number)
      all.append(BlockType(of: finding, byteCount: block.byteCount))
    }
    all = Self.readable(all, readNames)
  }

  /// Several symbols may have one readable name; such types stay apart here and are one in a census.
  static func readable(
    _ types: [BlockType], _ readNames: HeapSurvey.NameReading
  ) -> [BlockType] {
    var types = types
    let positions = types.indices.filter { types[$0].kind == .cplusplus }
    let isArray = positions.map { types[$0].name.hasSuffix("[]") }
    let symbols = zip(positions, isArray).map {
      $1 ? String(types[$0].name.dropLast(2)) : types[$0].name
    }
    for ((position, isArray), name) in zip(zip(positions, isArray), readNames(symbols)) {
      types[position].name = CPlusPlusTyper.readable(name) + (isArray ? "[]" : "")
    }
    return types
  }

  package func census(pid: Int32, _ blocks: [HeapBlock]) -> TypeCensus {
    var totals = [HeapLeaks.Total](repeating: HeapLeaks.Total(), count: all.count)
    for (number, block) in zip(numbers, blocks) {
      totals[Int(number)].blocks += 1
      totals[Int(number)].bytes += block.byteCount
    }
    var totalsByType: [BlockType: HeapLeaks.Total] = [:]
    for (type, total) in zip(all, totals) {
      totalsByType[type, default: HeapLeaks.Total()].blocks += total.blocks
      totalsByType[type, default: HeapLeaks.Total()].bytes += total.bytes
    }
    return TypeCensus(
      pid: pid, rows: totalsByType.map { TypeCensus.Row(type: $0.key, total: $0.value) })
  }
}
