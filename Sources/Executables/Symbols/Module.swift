import Processes

/// What is kept of an executable file to name addresses in it.
///
/// Needs the file no more.
package final class Module: Sendable {
  /// GNU build id in lower-case hex; nil where the file has none.
  package let buildID: String?
  package let segments: LoadSegments
  package let symbols: SymbolTable

  package init(buildID: String?, segments: LoadSegments, symbols: SymbolTable) {
    self.buildID = buildID
    self.segments = segments
    self.symbols = symbols
  }

  /// Reads headers and symbols of an ELF file.
  package convenience init(reading file: borrowing ELFFile) {
    var builder = SymbolTableBuilder()
    builder.add(file)
    self.init(buildID: file.buildID, segments: file.segments, symbols: builder.build())
  }

  /// Bytes of memory held, roughly.
  var byteCount: Int { 512 + segments.segments.count * 32 + symbols.byteCount }
}
