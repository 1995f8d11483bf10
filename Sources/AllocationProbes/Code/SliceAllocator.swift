/// Hands out parts of an array of fixed size.
///
/// A part that was given back is not handed out before `retire` was called twice: a kernel program may still be
/// reading it.
struct SliceAllocator {
  let capacity: Int
  /// Free parts, ascending, never adjacent.
  private var free: [Range<Int>]
  private var retiring: [Range<Int>] = []
  private var returned: [Range<Int>] = []

  init(capacity: Int) {
    self.capacity = capacity
    free = capacity > 0 ? [0..<capacity] : []
  }

  /// Entries that can be handed out now, in whatever parts.
  var freeCount: Int { free.reduce(0) { $0 + $1.count } }

  /// A part of `count` entries, > 0; nil if there is none that large.
  mutating func allocate(_ count: Int) -> Range<Int>? {
    guard let index = free.firstIndex(where: { $0.count >= count }) else { return nil }
    let part = free[index].lowerBound..<free[index].lowerBound + count
    if free[index].count == count {
      free.remove(at: index)
    } else {
      free[index] = part.upperBound..<free[index].upperBound
    }
    return part
  }

  /// Gives a part back that nobody will begin to read any more.
  mutating func giveBack(_ part: Range<Int>) {
    if !part.isEmpty { returned.append(part) }
  }

  /// Time has passed: what was given back before the last call can be handed out again.
  mutating func retire() {
    if !retiring.isEmpty {
      var joined: [Range<Int>] = []
      for part in (free + retiring).sorted(by: { $0.lowerBound < $1.lowerBound }) {
        if let last = joined.last, last.upperBound == part.lowerBound {
          joined[joined.count - 1] = last.lowerBound..<part.upperBound
        } else {
          joined.append(part)
        }
      }
      free = joined
    }
    retiring = returned
    returned = []
  }
}
