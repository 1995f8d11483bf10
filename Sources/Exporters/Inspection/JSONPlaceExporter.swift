package import AllocationModel

/// `heaptap.where/1`: what is at an address, as one object. Addresses are hexadecimal text; what does not apply is null.
package enum JSONPlaceExporter {
  /// One line, with its end.
  package static func line(_ place: AddressPlace) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", "heaptap.where/1")
      writer.member("pid", place.pid)
      writer.member("address", Figure.hexadecimal(place.address))
      writer.member("kind", place.kind.rawValue)
      writer.member("start", place.extent.map { Figure.hexadecimal($0.lowerBound) })
      writer.member("bytes", place.extent.map { $0.upperBound - $0.lowerBound })
      writer.member("type", place.type)
      writer.member("name", place.owner?.name)
      writer.member("thread", place.owner?.thread.map { $0.name ?? "" })
      writer.member("tid", place.owner?.thread?.tid)
      writer.optional("mapping", place.mapping) { writer, mapping in
        writer.member("start", Figure.hexadecimal(mapping.start))
        writer.member("end", Figure.hexadecimal(mapping.end))
        writer.member("permissions", mapping.permissions)
        writer.member("path", mapping.path)
      }
      writer.optional("held_by", place.path, JSONReferencesExporter.write)
    }
    return writer.text + "\n"
  }
}

extension JSONWriter {
  /// An object, or null.
  fileprivate mutating func optional<Value>(
    _ name: String, _ value: Value?, _ write: (inout JSONWriter, Value) -> Void
  ) {
    guard let value else { return member(name, String?.none) }
    object(name) { write(&$0, value) }
  }
}
