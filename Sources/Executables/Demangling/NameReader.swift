/// Makes symbols readable in the process that reads debug information, as hostile ones may end whoever reads them.
///
/// Used by one thread.
package final class NameReader {
  /// Seconds that all names of one question may take.
  private static let patience = 10.0

  private let resolver: SourceResolver
  /// Stands for all files: names are asked for without one.
  private let module = Module(buildID: nil, segments: LoadSegments([]), symbols: .empty)

  package init(reader: SourceResolver.Reader) {
    resolver = SourceResolver(reader: reader)
  }

  /// The readable form of each symbol, in the same order; the symbol where there is none, or it could not be told in time.
  package func names(of symbols: [String]) -> [String] {
    let places = symbols.map {
      SourceResolver.Place(module: module, address: 0, symbol: Demangler.isMangled($0) ? $0 : nil)
    }
    for place in places where place.symbol != nil { _ = resolver.calls(at: place) }
    resolver.settle(within: Self.patience)
    return zip(symbols, places).map { symbol, place in
      guard place.symbol != nil else { return symbol }
      return resolver.calls(at: place)?.last?.function ?? symbol
    }
  }
}
