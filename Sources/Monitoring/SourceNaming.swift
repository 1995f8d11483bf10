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

  /// Names the first `siteCount` sites and the first mappings.
  func name(
    _ snapshot: inout Snapshot, siteCount: Int, isLast: Bool,
    processes: some Collection<ObservedProcess>
  ) {
    let modules = ModulesBySite(processes)
    for index in snapshot.sites.indices.prefix(siteCount) {
      Self.nameFunctions(&snapshot.sites[index], modules)
    }
    for index in snapshot.mappings.indices.prefix(Self.mappingLimit) {
      Self.nameFunctions(&snapshot.mappings[index], modules)
    }
    let shown = snapshot.sites.prefix(siteCount) + snapshot.mappings.prefix(Self.mappingLimit)
    for site in shown {
      for place in Self.places(of: site.stack, modules.of(site)) {
        if let place { _ = resolver.calls(at: place) }
      }
    }
    resolver.settle(within: isLast ? Self.lastPatience : Self.patience)
    for index in snapshot.sites.indices.prefix(siteCount) {
      expand(&snapshot.sites[index], modules)
    }
    for index in snapshot.mappings.indices.prefix(Self.mappingLimit) {
      expand(&snapshot.mappings[index], modules)
    }
  }

  /// Modules that turned out to be unreadable since this was asked last, by path.
  func takeFailures() -> [String: String] {
    let new = resolver.failuresByPath.filter { !reported.contains($0.key) }
    reported.formUnion(new.keys)
    return new
  }

  /// By symbol tables, which are at hand.
  private static func nameFunctions(_ site: inout SiteSnapshot, _ modules: ModulesBySite) {
    for (index, module) in modules.of(site).enumerated() where index < site.stack.count {
      guard site.stack[index].function == nil, let module else { continue }
      site.stack[index].function = module.symbols.symbol(at: site.stack[index].offset)?.name
    }
  }

  private func expand(_ site: inout SiteSnapshot, _ modules: ModulesBySite) {
    let places = Self.places(of: site.stack, modules.of(site))
    site.stack = zip(site.stack, places).flatMap { frame, place in
      frame.expanded(place.flatMap(resolver.calls) ?? [])
    }
  }

  private static func places(of stack: [Frame], _ modules: [Module?]) -> [SourceResolver.Place?] {
    stack.enumerated().map { index, frame in
      guard index < modules.count, let module = modules[index] else { return nil }
      return SourceResolver.Place(module: module, address: frame.offset, symbol: frame.function)
    }
  }
}

/// Finds the modules that the frames of a site lie in.
private struct ModulesBySite {
  private let processesByPid: [Int32: [ObservedProcess]]

  init(_ processes: some Collection<ObservedProcess>) {
    processesByPid = Dictionary(grouping: processes) { $0.identity.pid }
  }

  func of(_ site: SiteSnapshot) -> [Module?] {
    for process in processesByPid[site.pid] ?? [] {
      if let stack = process.stacksBySite[site.id].flatMap({ process.stacks[$0] }) {
        return stack.modules
      }
    }
    return []
  }
}
