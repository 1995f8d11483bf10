package import AllocationModel

/// `heaptap.leaks/1`: what is lost, as one object. Sizes are usable bytes; what is not known is null.
package enum JSONLeaksExporter {
  /// One line, with its end.
  package static func line(_ leaks: HeapLeaks) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.leaks/1")
      writer.member("pid", leaks.pid)
      write(&writer, "definitely", leaks.definitely)
      write(&writer, "indirectly", leaks.indirectly)
      write(&writer, "possibly", leaks.possibly)
      write(&writer, "reachable", leaks.reachable)
      writer.list("trees", leaks.trees) { writer, tree in
        writer.object { writer in
          writer.member("kind", tree.kind)
          writer.member("blocks", tree.total.blocks)
          writer.member("bytes", tree.total.bytes)
          writer.member("address", "0x" + String(tree.address, radix: 16))
          writer.member("type", tree.type)
          writer.member("site", String?.none)
          writer.list("stack", [Frame](), JSONSnapshotExporter.write)
        }
      }
    }
    return writer.text + "\n"
  }

  private static func write(_ writer: inout JSONWriter, _ name: String, _ total: HeapLeaks.Total) {
    writer.object(name) { writer in
      writer.member("blocks", total.blocks)
      writer.member("bytes", total.bytes)
    }
  }
}
