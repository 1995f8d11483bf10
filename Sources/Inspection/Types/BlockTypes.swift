package import AllocationModel

/// The type of every block of a heap.
package struct BlockTypes: Sendable {
  /// Each type once.
  package private(set) var all: [BlockType] = []
  /// Position in `all` for each block.
  private var numbers: [UInt32] = []

  package subscript(block: Int) -> BlockType { all[Int(numbers[block])] }

  /// The type's name, if a program gave it.
  package func nominalName(_ block: Int) -> String? {
    let type = self[block]
    return type.kind.isNominal ? type.name : nil
  }

  /// - Parameter readNames: makes symbols readable.
  init(
    of image: ProcessImage, _ blocks: [HeapBlock], _ index: BlockIndex, typers: [any BlockTyper],
    readNames: HeapSurvey.NameReading
  ) {
    var typers = typers
    var known: [BlockType: UInt32] = [:]
    numbers.reserveCapacity(blocks.count)
    for block in blocks {
      let type =
        image.withBytes(of: block.address..<(block.address + block.byteCount)) { contents in
          guard contents.byteCount >= 8 else {
            return BlockType(name: "\(contents.byteCount) bytes", kind: .size)
          }
          for position in typers.indices {
            if let name = typers[position].typeName(of: contents) {
              return BlockType(name: name, kind: typers[position].kind)
            }
          }
          return BlockShape.type(of: contents, index)
        } ?? BlockType(name: "\(block.byteCount) bytes", kind: .size)
      if let number = known[type] {
        numbers.append(number)
      } else {
        known[type] = UInt32(all.count)
        numbers.append(UInt32(all.count))
        all.append(type)
      }
    }
    makeReadable(readNames)
  }

  /// Several symbols may have one readable name; such types stay apart here and are one in a census.
  private mutating func makeReadable(_ readNames: HeapSurvey.NameReading) {
    let positions = all.indices.filter { all[$0].kind == .cplusplus }
    let isArray = positions.map { all[$0].name.hasSuffix("[]") }
    let symbols = zip(positions, isArray).map {
      $1 ? String(all[$0].name.dropLast(2)) : all[$0].name
    }
    for ((position, isArray), name) in zip(zip(positions, isArray), readNames(symbols)) {
      all[position].name = CPlusPlusTyper.readable(name) + (isArray ? "[]" : "")
    }
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
