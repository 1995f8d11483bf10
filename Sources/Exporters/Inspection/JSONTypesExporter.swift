package import AllocationModel
import Foundation

/// `heaptap.types/1`: how much of a heap is of which type, as one object that can be read again to be compared with.
package enum JSONTypesExporter {
  static let schema = "heaptap.types/1"

  /// One line, with its end.
  package static func line(_ census: TypeCensus) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", schema)
      writer.member("pid", census.pid)
      writer.list("types", census.rows) { writer, row in
        writer.object { writer in
          writer.member("name", row.type.name)
          writer.member("kind", row.type.kind.rawValue)
          writer.member("blocks", row.total.blocks)
          writer.member("bytes", row.total.bytes)
          writer.member("average_bytes", row.averageByteCount)
          writer.member("growth_blocks", row.growth?.blocks)
          writer.member("growth_bytes", row.growth?.bytes)
        }
      }
    }
    return writer.text + "\n"
  }

  private struct Document: Decodable {
    struct Row: Decodable {
      var name: String
      var kind: String
      var blocks: UInt64
      var bytes: UInt64
    }

    var schema: String
    var pid: Int32
    var types: [Row]
  }

  /// What `line` has written; nil for anything else. Types of kinds that are not known are left out.
  package static func census(parsing bytes: [UInt8]) -> TypeCensus? {
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)),
      document.schema == schema
    else { return nil }
    return TypeCensus(
      pid: document.pid,
      rows: document.types.compactMap { row in
        BlockType.Kind(rawValue: row.kind).map {
          TypeCensus.Row(
            type: BlockType(name: row.name, kind: $0),
            total: HeapLeaks.Total(blocks: row.blocks, bytes: row.bytes))
        }
      })
  }
}
