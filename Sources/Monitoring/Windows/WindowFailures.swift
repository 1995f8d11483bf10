import AllocationProbes
import Processes

/// What windows could not see.
struct WindowFailures {
  /// Why files were not probed in the last window that was for them.
  private var refusals: [FileIdentity: (file: AllocatorFile, reason: String)] = [:]

  /// Takes note of a window.
  ///
  /// - Parameter reasons: why files were not probed.
  mutating func note(_ places: [WindowRequest.Place], refusals reasons: [FileIdentity: String]) {
    for file in places.map(\.file) {
      refusals[file.identity] = reasons[file.identity].map { (file, $0) }
    }
  }

  /// Takes note of a window in which nothing could be probed, and why.
  mutating func note(_ places: [WindowRequest.Place], failure: String) {
    for file in places.map(\.file) { refusals[file.identity] = (file, failure) }
  }

  /// Why not all allocators were probed that are mapped; nil: they were.
  func refusal(among mappings: [MemoryMapping]) -> String? {
    guard !refusals.isEmpty else { return nil }
    return refusals.values.lazy.filter { $0.file.isMapped(by: mappings) }.map(\.reason).min()
  }
}

extension AllocatorFile {
  /// On file systems over others a file is mapped under another inode than its path leads to.
  func isMapped(by mappings: [MemoryMapping]) -> Bool {
    mappings.contains { $0.inode == identity.inode || $0.path == name }
  }
}
