import AllocationModel
import Executables

/// Gives the stacks that a snapshot will show what debug information knows of them: files, lines, merged calls and
/// readable names.
///
/// What isn't read yet is missing from a table and there in one of the next.
final class SourceNaming {
  /// Seconds that a snapshot waits, and the last one, after which nobody looks again.
  private static let patience = 0.2
  private static let lastPatience = 10.0
  /// Mappings are few, and tables show fewer.
  private static let mappingLimit = 32

  private let resolver: SourceResolver
  private var reported: Set<String> = []

  init(resolver: SourceResolver = SourceResolver(reader: .thisProgram)) {
    self.resolver = resolver
  }

  /// Fills in the stacks of the first `siteCount` sites and of the first mappings, and names them.
  func name(_ snapshot: inout Snapshot, siteCount: Int, isLast: Bool, _ stacks: KnownStacks) {
    var shown: [[SourceResolver.Place?]] = []
    for index in snapshot.sites.indices.prefix(siteCount) {
      shown.append(Self.fill(&snapshot.sites[index], stacks))
    }
    let mappingsStart = shown.count
    for index in snapshot.mappings.indices.prefix(Self.mappingLimit) {
      shown.append(Self.fill(&snapshot.mappings[index], stacks))
    }
    for place in shown.joined() {
      if let place { _ = resolver.calls(at: place) }
    }
    resolver.settle(within: isLast ? Self.lastPatience : Self.patience)
    for (index, places) in shown.enumerated() {
      if index < mappingsStart {
        expand(&snapshot.sites[index], places)
      } else {
        expand(&snapshot.mappings[index - mappingsStart], places)
      }
    }
  }

  /// Modules that turned out to be unreadable since this was asked last, by path.
  func takeFailures() -> [String: String] {
    let new = resolver.failuresByPath.filter { !reported.contains($0.key) }
    reported.formUnion(new.keys)
    return new
  }

  /// Fills in the frames, with the functions that symbol tables know, and returns where their source is.
  private static func fill(
    _ site: inout SiteSnapshot, _ stacks: KnownStacks
  ) -> [SourceResolver.Place?] {
    guard let locations = stacks.locations(of: site.id) else { return [] }
    site.stack = locations.map(\.frame)
    return locations.enumerated().map { index, location in
      guard let module = location.module else { return nil }
      let symbol = module.symbol(at: location.offset)?.name
      site.stack[index].function = symbol
      return SourceResolver.Place(module: module, address: location.offset, symbol: symbol)
    }
  }

  private func expand(_ site: inout SiteSnapshot, _ places: [SourceResolver.Place?]) {
    guard places.count == site.stack.count else { return }
    site.stack = zip(site.stack, places).flatMap { frame, place in
      frame.expanded(place.flatMap(resolver.calls) ?? [])
    }
  }
}
