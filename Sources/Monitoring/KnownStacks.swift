import AllocationModel
import Executables

/// Stacks, each kept once for all processes that have it, in 16 bytes a frame.
final class KnownStacks {
  /// What all frames in one file have in common.
  private struct Origin: Hashable {
    var module: ObjectIdentifier?
    var moduleName: String?
    var buildID: String?
    var function: String?
  }

  private struct CompactFrame {
    var offset: UInt64
    /// Index into `locations`.
    var origin: UInt32
  }

  private struct Stack {
    var frames: [CompactFrame]
    /// The first frame alone, which is all that most sites are asked for.
    var first: [Frame]
  }

  private var stacksBySite: [SiteID: Stack] = [:]
  /// Sites that there were after the last `keep`.
  private var keptCount = 0
  /// One location of each origin.
  private var locations: [FrameLocation] = []
  private var originsByModule: [ObjectIdentifier: UInt32] = [:]
  private var otherOrigins: [Origin: UInt32] = [:]

  /// Takes over a stack. Returns its site.
  func add(_ frames: [FrameLocation]) -> SiteID {
    let site = Self.site(of: frames)
    if stacksBySite[site] == nil {
      stacksBySite[site] = Stack(
        frames: frames.map { CompactFrame(offset: $0.offset, origin: origin(of: $0)) },
        first: frames.first.map { [$0.frame] } ?? [])
    }
    return site
  }

  /// The caller of the allocator; empty for a stack that is not known.
  func firstFrame(of site: SiteID) -> [Frame] { stacksBySite[site]?.first ?? [] }

  /// All frames of a stack, and where they lie; nil for one that is not known.
  func locations(of site: SiteID) -> [FrameLocation]? {
    stacksBySite[site]?.frames.map { frame in
      var location = locations[Int(frame.origin)]
      location.offset = frame.offset
      return location
    }
  }

  private static func site(of frames: [FrameLocation]) -> SiteID {
    SiteID(stack: frames.map(\.frame))
  }

  private func origin(of location: FrameLocation) -> UInt32 {
    let key = location.module.map(ObjectIdentifier.init)
    if let key, let known = originsByModule[key] { return known }
    let origin = Origin(
      module: key, moduleName: location.moduleName, buildID: location.buildID,
      function: location.function)
    if let known = otherOrigins[origin] { return known }
    let index = UInt32(locations.count)
    locations.append(location)
    if let key { originsByModule[key] = index } else { otherOrigins[origin] = index }
    return index
  }

  /// Whether so many were added that it is worth looking for those that nobody has any more.
  var isWorthSweeping: Bool { stacksBySite.count > 2 * keptCount + 1024 }

  /// Forgets all others.
  func keep(_ sites: Set<SiteID>) {
    let old = locations
    let kept = stacksBySite.filter { sites.contains($0.key) }
    locations = []
    originsByModule = [:]
    otherOrigins = [:]
    // The files that nobody's stacks lie in are let go with them.
    stacksBySite = kept.mapValues { stack in
      var stack = stack
      for index in stack.frames.indices {
        stack.frames[index].origin = origin(of: old[Int(stack.frames[index].origin)])
      }
      return stack
    }
    keptCount = stacksBySite.count
  }
}
