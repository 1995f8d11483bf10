import Processes

extension Sequence<MemoryMapping> {
  /// Writable memory of the process's own in one piece each, as the program got it.
  ///
  /// The kernel lists it in several where parts were advised differently (madvise(2), mbind(2)). malloc does that itself
  /// with the tunable glibc.malloc.hugetlb=1, and its chunks cross the borders.
  ///
  /// - Precondition: ascending by address.
  var joined: [MemoryMapping] {
    var joined: [MemoryMapping] = []
    for mapping in self {
      if let last = joined.last, last.goesOn(in: mapping) {
        joined[joined.count - 1].end = mapping.end
      } else {
        joined.append(mapping)
      }
    }
    return joined
  }
}

extension MemoryMapping {
  fileprivate func goesOn(in next: MemoryMapping) -> Bool {
    end == next.start && !isFile && !next.isFile && permissions == [.read, .write]
      && next.permissions == permissions && path == next.path && (path == nil || isHeap)
  }
}
