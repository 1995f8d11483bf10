package import AllocationModel

/// How much of a heap is of which type, as a table for people.
package enum TypeText {
  /// - Parameter limit: types that are shown before the rest is only counted.
  package static func render(_ census: TypeCensus, limit: Int) -> String {
    let hasGrowth = census.rows.contains { $0.growth != nil }
    var text = "     BYTES      BLOCKS   AVERAGE"
    if hasGrowth { text += "      GROWTH      BLOCKS" }
    text += "  KIND      TYPE\n"
    for row in census.rows.prefix(max(0, limit)) {
      text += trailing(Figure.bytes(row.total.bytes), 10)
      text += trailing(Figure.count(row.total.blocks), 12)
      text += trailing(Figure.bytes(row.averageByteCount.rounded()), 10)
      if hasGrowth {
        text += trailing(row.growth.map { signed($0.bytes, Figure.bytes) } ?? "", 12)
        text += trailing(row.growth.map { signed($0.blocks, Figure.count) } ?? "", 12)
      }
      text += "  " + row.type.kind.rawValue.padded(to: 8, alignment: .leading)
      text += "  \(row.type.name.printable)\n"
    }
    let hidden = census.rows.dropFirst(max(0, limit))
    if !hidden.isEmpty {
      let bytes = hidden.reduce(UInt64(0)) { $0 + $1.total.bytes }
      let blocks = hidden.reduce(UInt64(0)) { $0 + $1.total.blocks }
      text +=
        "\(Figure.count(UInt64(hidden.count))) more \(hidden.count == 1 ? "type" : "types"), \(Figure.bytes(bytes)) in "
        + "\(Figure.blocks(blocks)); --top shows more\n"
    }
    return text
  }

  private static func trailing(_ text: String, _ width: Int) -> String {
    text.padded(to: width, alignment: .trailing)
  }

  private static func signed(_ number: Int64, _ figure: (UInt64) -> String) -> String {
    guard number != 0 else { return "0" }
    return (number > 0 ? "+" : "-") + figure(number.magnitude)
  }
}
