package import AllocationModel

/// What holds blocks, as text for people.
package enum ReferenceText {
  /// Blocks of a chain that are shown at its start and at its end.
  private static let shownHops = 12

  package static func render(_ references: BlockReferences) -> String {
    let block = references.block
    let distance = references.address - block.address
    var text = "block \(hop(block, entry: distance))\n"
    guard !references.paths.isEmpty else {
      return text + "no root that counts reaches it\n"
    }
    text += "retains \(Figure.bytes(references.retainedByteCount))\n"
    for path in references.paths { text += "\n" + render(path) }
    return text
  }

  package static func render(_ references: TypeReferences) -> String {
    var text = "\(total(references.total)) of \(references.type.printable)\n"
    text += "retains \(Figure.bytes(references.retainedByteCount))\n"
    for share in references.shares {
      text += "\n\(total(share.total)), such as one\n" + render(share.path)
    }
    if references.unreached.blocks > 0 {
      text += "\n\(total(references.unreached)) that no root reaches\n"
    }
    return text
  }

  package static func render(_ holders: HeapHolders) -> String {
    var text = "\(total(holders.total)) can be reached\n\n"
    text += "  RETAINED      BLOCKS  HOLDER\n"
    for holder in holders.holders {
      text += line(holder, indentation: "")
      for block in holder.largest { text += line(block, indentation: "  ") }
    }
    return text
  }

  /// A root and the blocks on the way, one to a line.
  package static func render(_ path: ReferencePath) -> String {
    var text = "held by \(name(path.root))\n"
    let hidden = path.hops.count - 2 * shownHops
    var field: UInt64?
    for (position, block) in path.hops.enumerated() {
      defer { field = block.field }
      if hidden > 0, position == shownHops {
        text += "           … \(Figure.blocks(UInt64(hidden)))\n"
      }
      if hidden > 0, position >= shownHops, position < shownHops + hidden { continue }
      let offset = field.map { "+\(Figure.hexadecimal($0))" } ?? ""
      text +=
        "  \(offset.padded(to: 8, alignment: .trailing)) → \(hop(block, entry: block.entry))\n"
    }
    return text
  }

  /// Such as `global app!cache+0x10` and `stack of worker (12), sp+0x48`.
  package static func name(_ root: RootReference) -> String {
    let thread = root.thread.map { "\(($0.name ?? "thread").printable) (\($0.tid))" } ?? ""
    let name = root.name.printable
    return switch root.kind {
    case .global: "global \(name)"
    case .tls: "thread-local \(name) of \(thread)"
    case .stack: "stack of \(thread), \(name)"
    case .register: "register \(name) of \(thread)"
    case .mapping: "mapping \(name)"
    }
  }

  /// A block, and where in it somebody points.
  private static func hop(_ block: ReferencePath.Hop, entry: UInt64) -> String {
    var text = "\(Figure.hexadecimal(block.address))"
    if entry > 0 { text += "+\(Figure.hexadecimal(entry))" }
    text += "  \(Figure.bytes(block.byteCount))"
    if let type = block.type { text += "  \(type.printable)" }
    return text
  }

  private static func total(_ total: HeapLeaks.Total) -> String {
    "\(Figure.bytes(total.bytes)) in \(Figure.blocks(total.blocks))"
  }

  private static func line(_ holder: HeapHolders.Holder, indentation: String) -> String {
    let name = holder.root.map(Self.name) ?? holder.block.map { hop($0, entry: 0) } ?? "?"
    return Figure.bytes(holder.retained.bytes).padded(to: 10, alignment: .trailing) + "  "
      + Figure.count(holder.retained.blocks).padded(to: 10, alignment: .trailing)
      + "  \(indentation)\(name)\n"
  }
}
