package import AllocationModel

/// Live blocks as JSON, one object to a line; what is not known is null.
package enum JSONBlockExporter {
  /// One line, with its end.
  package static func line(_ block: BlockRecord) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("address", Figure.hexadecimal(block.address))
      writer.member("bytes", block.byteCount)
      writer.member("requested_bytes", block.requestedByteCount)
      writer.member("type", block.type)
      writer.member("site", block.site?.description)
      writer.member("age_s", block.age)
    }
    return writer.text + "\n"
  }
}
