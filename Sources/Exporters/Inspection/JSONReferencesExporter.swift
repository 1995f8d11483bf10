package import AllocationModel

/// `heaptap.refs/1`: what holds a block, the blocks of a type, or most of the heap, as one object. Addresses are
/// hexadecimal text, sizes bytes; what is not known is null.
package enum JSONReferencesExporter {
  /// One line, with its end.
  package static func line(_ references: BlockReferences) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.refs/1")
      writer.member("pid", references.pid)
      writer.member("address", Figure.hexadecimal(references.address))
      writer.object("block") { write(&$0, references.block) }
      writer.list("paths", references.paths) { writer, path in
        writer.object { write(&$0, path) }
      }
      writer.member("retained_bytes", references.retainedByteCount)
    }
    return writer.text + "\n"
  }

  package static func line(_ references: TypeReferences) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.refs/1")
      writer.member("pid", references.pid)
      writer.member("type", references.type)
      write(&writer, references.total)
      writer.object("unreached") { write(&$0, references.unreached) }
      writer.list("paths", references.shares) { writer, share in
        writer.object { writer in
          write(&writer, share.path)
          write(&writer, share.total)
        }
      }
      writer.member("retained_bytes", references.retainedByteCount)
    }
    return writer.text + "\n"
  }

  package static func line(_ holders: HeapHolders) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.refs/1")
      writer.member("pid", holders.pid)
      writer.object("reachable") { write(&$0, holders.total) }
      writer.list("holders", holders.holders, write)
    }
    return writer.text + "\n"
  }

  static func write(_ writer: inout JSONWriter, _ path: ReferencePath) {
    writer.object("root") { write(&$0, path.root) }
    writer.list("hops", path.hops) { writer, hop in writer.object { write(&$0, hop) } }
  }

  static func write(_ writer: inout JSONWriter, _ root: RootReference) {
    writer.member("kind", root.kind.rawValue)
    writer.member("name", root.name)
    writer.member("thread", root.thread.map { $0.name ?? "" })
    writer.member("tid", root.thread?.tid)
  }

  private static func write(_ writer: inout JSONWriter, _ hop: ReferencePath.Hop) {
    writer.member("address", Figure.hexadecimal(hop.address))
    writer.member("bytes", hop.byteCount)
    writer.member("type", hop.type)
    writer.member("field", hop.field.map { "+" + Figure.hexadecimal($0) })
    writer.member("entry", "+" + Figure.hexadecimal(hop.entry))
  }

  private static func write(_ writer: inout JSONWriter, _ total: HeapLeaks.Total) {
    writer.member("blocks", total.blocks)
    writer.member("bytes", total.bytes)
  }

  private static func write(_ writer: inout JSONWriter, _ holder: HeapHolders.Holder) {
    writer.object { writer in
      if let root = holder.root { writer.object("root") { write(&$0, root) } }
      if let block = holder.block { write(&writer, block) }
      writer.member("retained_bytes", holder.retained.bytes)
      writer.member("retained_blocks", holder.retained.blocks)
      if holder.root != nil || !holder.largest.isEmpty {
        writer.list("largest", holder.largest, write)
      }
    }
  }
}
