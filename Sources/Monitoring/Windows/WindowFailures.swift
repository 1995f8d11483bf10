import AllocationProbes
import Processes

/// What windows could not see.
struct WindowFailures {
  /// Why places were not probed in the last window that was for them.
  private var refusals: [WindowRequest.Place.ID: (place: WindowRequest.Place, reason: String)] = [:]

  /// Takes note of a window.
  ///
  /// - Parameter reasons: why places were not probed.
  mutating func note(
    _ places: [WindowRequest.Place], refusals reasons: [WindowRequest.Place.ID: String]
  ) {
    for place in places { refusals[place.id] = reasons[place.id].map { (place, $0) } }
  }

  /// Takes note of a window in which nothing could be probed, and why.
  mutating func note(_ places: [WindowRequest.Place], failure: String) {
    for place in places { refusals[place.id] = (place, failure) }
  }

  /// Why not all allocators were probed that a process maps; nil: they were.
  func refusal(of pid: Int32, _ mappings: [MemoryMapping]) -> String? {
    guard !refusals.isEmpty else { return nil }
    return refusals.values.lazy
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
