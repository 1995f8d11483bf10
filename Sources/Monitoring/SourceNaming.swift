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
  func name(_ snapshot: inout Snapshot, siteCount: Int, isLast: Bool, _ known: KnownStacks) {
    let sites = snapshot.sites.indices.prefix(siteCount)
    let mappings = snapshot.mappings.indices.prefix(Self.mappingLimit)
    let named = stacks(
      of: sites.map { snapshot.sites[$0].id } + mappings.map { snapshot.mappings[$0].id },
      isLast: isLast, known)
    for (index, stack) in zip(sites, named) {
      if let stack { snapshot.sites[index].stack = stack }
    }
    for (index, stack) in zip(mappings, named.dropFirst(sites.count)) {
      if let stack { snapshot.mappings[index].stack = stack }
    }
  }

  /// The stacks of sites with all their names, in the same order; nil for those that are not known.
  ///
  /// Each is put together once to ask and once to be shown: all at once, half asked, they would take most of our memory.
  func stacks(of sites: [SiteID], isLast: Bool, _ known: KnownStacks) -> [[Frame]?] {
    for site in sites {
      for location in known.locations(of: site) ?? [] {
        if let place = Self.call(at: location).place { _ = resolver.calls(at: place) }
      }
    }
    resolver.settle(within: isLast ? Self.lastPatience : Self.patience)
    return sites.map { site in
      known.locations(of: site)?.flatMap { location in
        let call = Self.call(at: location)
        return call.frame.expanded(call.place.flatMap(resolver.calls) ?? [])
      }
    }
  }

  /// Modules that turned out to be unreadable since this was asked last, by path.
  func takeFailures() -> [String: String] {
    let new = resolver.failuresByPath.filter { !reported.contains($0.key) }
    reported.formUnion(new.keys)
    return new
  }

  /// A frame with the function that symbol tables know, and where its source is.
  private static func call(
    at location: FrameLocation
  ) -> (frame: Frame, place: SourceResolver.Place?) {
    var frame = location.frame
    guard let module = location.module else { return (frame, nil) }
    frame.function = module.symbol(at: location.offset)?.name
    return (
      frame,
      SourceResolver.Place(module: module, address: location.offset, symbol: frame.function)
    )
  }
}
