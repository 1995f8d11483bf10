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

  /// Blocks that one thread looks at before it takes the next.
  private static let partCount = 1 << 16

  /// - Parameters:
  ///   - classifier: makes one for each thread.
  ///   - readNames: makes symbols readable.
  init(
    of blocks: [HeapBlock], classifier: @Sendable () -> BlockClassifier,
    readNames: HeapSurvey.NameReading
  ) {
    let parts = stride(from: 0, to: blocks.count, by: Self.partCount).map {
      $0..<min(blocks.count, $0 + Self.partCount)
    }
    let results = SharedWork.results(count: parts.count, state: classifier) { classifier, part in
      var found = FoundTypes()
      for block in blocks[parts[part]] { found.add(classifier.finding(of: block), block) }
      return found
    }
    var known = FoundTypes()
    numbers.reserveCapacity(blocks.count)
    for found in results {
      let translated = found.all.map { known.number(of: $0.finding, $0.byteCount) }
      for number in found.numbers { numbers.append(translated[Int(number)]) }
    }
    all = Self.readable(
      known.all.map { BlockType(of: $0.finding, byteCount: $0.byteCount) }, readNames)
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

/// The types of some blocks.
///
/// By finding and, where there is nothing else, by size: a name for each block would take longer than all the rest.
private struct FoundTypes: Sendable {
  private(set) var all: [(finding: BlockClassifier.Finding, byteCount: UInt64)] = []
  /// Position in `all` for each block.
  private(set) var numbers: [UInt32] = []
  private var known: [BlockClassifier.Finding: UInt32] = [:]
  private var knownBySize: [UInt64: UInt32] = [:]

  mutating func add(_ finding: BlockClassifier.Finding, _ block: HeapBlock) {
    numbers.append(number(of: finding, block.byteCount))
  }

  /// Position in `all`, where it is added if it is new.
  mutating func number(of finding: BlockClassifier.Finding, _ byteCount: UInt64) -> UInt32 {
    let isBySize = finding == .looks(.size)
    if let number = isBySize ? knownBySize[byteCount] : known[finding] { return number }
    let number = UInt32(all.count)
    if isBySize { knownBySize[byteCount] = number } else { known[finding] = number }
    all.append((finding, byteCount))
    return number
  }
}
