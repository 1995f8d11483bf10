package import AllocationModel
import Foundation

/// `heaptap.leaks/1`: what is lost, as one object that can be read again to be compared with. Sizes are usable bytes; what
/// is not known is null.
package enum JSONLeaksExporter {
  private static let schema = "heaptap.leaks/1"

  /// One line, with its end.
  package static func line(_ leaks: HeapLeaks) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", schema)
      writer.member("pid", leaks.pid)
      write(&writer, "definitely", leaks.definitely)
      write(&writer, "indirectly", leaks.indirectly)
      write(&writer, "possibly", leaks.possibly)
      write(&writer, "reachable", leaks.reachable)
      writer.list("trees", leaks.trees) { writer, tree in
        writer.object { writer in
          writer.member("kind", tree.kind)
          write(&writer, tree.total)
          writer.member("address", Figure.hexadecimal(tree.address))
          writer.member("type", tree.type)
          writer.member("head_bytes", tree.head.bytes)
          write(&writer, tree.origin)
        }
      }
      writer.list("remainders", leaks.remainders) { writer, remainder in
        writer.object { writer in
          writer.member("kind", remainder.kind.rawValue)
          write(&writer, remainder.total)
          write(&writer, remainder.origin)
        }
      }
      writer.list("suppressed", leaks.suppressed) { writer, entry in
        writer.object { writer in
          writer.member("pattern", entry.pattern)
          writer.member("sites", entry.siteCount)
          writer.member("blocks", entry.blocks)
          writer.member("bytes", entry.bytes)
        }
      }
    }
    return writer.text + "\n"
  }

  private static func write(_ writer: inout JSONWriter, _ name: String, _ total: HeapLeaks.Total) {
    writer.object(name) { write(&$0, total) }
  }

  private static func write(_ writer: inout JSONWriter, _ total: HeapLeaks.Total) {
    writer.member("blocks", total.blocks)
    writer.member("bytes", total.bytes)
    writer.member("requested_bytes", total.requestedBytes)
  }

  private static func write(_ writer: inout JSONWriter, _ origin: LeakOrigin?) {
    writer.member("site", origin?.site.description)
    writer.list("stack", origin?.stack ?? [], JSONSnapshotExporter.write)
    let ending = origin?.ending ?? .complete
    writer.member("truncated_by", ending == .complete ? nil : ending.rawValue)
  }

  private struct Document: Decodable {
    struct Tree: Decodable {
      var kind: String
      var blocks: UInt64
      var bytes: UInt64
      var address: String
    }

    var schema: String
    var pid: Int32
    var trees: [Tree]
  }

  /// The trees that `line` has written, each as one sum; nil for anything else.
  package static func leaks(parsing bytes: [UInt8]) -> HeapLeaks? {
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)),
      document.schema == schema
    else { return nil }
    var leaks = HeapLeaks(pid: document.pid)
    for tree in document.trees {
      guard tree.address.hasPrefix("0x"),
        let address = UInt64(tree.address.dropFirst(2), radix: 16)
      else { return nil }
      leaks.trees.append(
        HeapLeaks.Tree(
          kind: tree.kind, address: address,
          head: HeapLeaks.Total(blocks: tree.blocks, bytes: tree.bytes)))
    }
    return leaks
  }
}
