/// What allocated a block: its site, and the stack once it was asked for.
package struct LeakOrigin: Hashable, Sendable {
  package var site: SiteID
  package var stack: [Frame]
  package var ending: StackEnding

  package init(site: SiteID, stack: [Frame] = [], ending: StackEnding = .complete) {
    self.site = site
    self.stack = stack
    self.ending = ending
  }
}

/// What tracing knows of a live block.
package struct BlockOrigin: Hashable, Sendable {
  package var site: SiteID
  package var requestedByteCount: UInt64

  package init(site: SiteID, requestedByteCount: UInt64) {
    self.site = site
    self.requestedByteCount = requestedByteCount
  }
}

extension HeapLeaks {
  /// All sites whose stacks a report shows.
  package var sites: Set<SiteID> {
    Set(trees.compactMap(\.origin?.site)).union(remainders.compactMap(\.origin?.site))
  }

  /// Fills in the stacks.
  package mutating func fill(_ origins: [SiteID: LeakOrigin]) {
    func filled(_ origin: LeakOrigin?) -> LeakOrigin? {
      origin.map { origins[$0.site] ?? $0 }
    }
    for index in trees.indices { trees[index].origin = filled(trees[index].origin) }
    for index in remainders.indices { remainders[index].origin = filled(remainders[index].origin) }
  }
}
