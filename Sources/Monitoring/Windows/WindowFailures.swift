import AllocationProbes
import Processes

/// What a window could not see.
struct WindowFailures {
  /// The places that were not probed, and why not, as sentences.
  private let refusals: [(place: WindowRequest.Place, reason: String)]

  /// - Parameter reasons: why places were not probed.
  init(_ places: [WindowRequest.Place], refusals reasons: [WindowRequest.Place.ID: String]) {
    refusals = places.compactMap { place in reasons[place.id].map { (place, $0) } }
  }

  /// Nothing could be probed, as a sentence says.
  init(_ places: [WindowRequest.Place], failure: String) {
    refusals = places.map { ($0, failure) }
  }

  /// Why not all allocators were probed that a process maps; nil: they were.
  func refusal(of pid: Int32, _ mappings: [MemoryMapping]) -> String? {
    refusals.lazy
      .filter { $0.place.pid ?? pid == pid && $0.place.file.isMapped(by: mappings) }
      .map(\.reason).min()
  }
}

extension AllocatorFile {
  /// On file systems over others a file is mapped under another inode than its path leads to.
  func isMapped(by mappings: [MemoryMapping]) -> Bool {
    mappings.contains { $0.inode == identity.inode || $0.path == name }
  }
}
