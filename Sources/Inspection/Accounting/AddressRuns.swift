import AllocationModel

extension Range<UInt64> {
  /// The range, cut at the multiples of a limit, > 0.
  func pieces(of limit: UInt64) -> [Range<UInt64>] {
    var pieces: [Range<UInt64>] = []
    var start = lowerBound
    while start < upperBound {
      let end = start + Swift.min(upperBound - start, limit - start % limit)
      pieces.append(start..<end)
      start = end
    }
    return pieces
  }
}

/// Ranges of addresses, ascending and apart from each other.
struct AddressRuns: Equatable, Sendable {
  private(set) var runs: [Range<UInt64>]

  init(ascending runs: [Range<UInt64>] = []) {
    self.runs = runs
  }

  /// From ranges in any order, which may overlap.
  init(merging ranges: [Range<UInt64>]) {
    runs = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = runs.last, last.upperBound >= range.lowerBound {
        runs[runs.count - 1] =
          last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        runs.append(range)
      }
    }
  }

  var byteCount: UInt64 { runs.reduce(0) { $0 + $1.upperBound - $1.lowerBound } }

  func contains(_ address: UInt64) -> Bool {
    let next = runs.endOfPrefix { $0.upperBound <= address }
    return next < runs.count && runs[next].contains(address)
  }

  /// Without what is in `others`.
  func subtracting(_ others: AddressRuns) -> AddressRuns {
    var left: [Range<UInt64>] = []
    var next = 0
    for run in runs {
      var start = run.lowerBound
      while next < others.runs.count, others.runs[next].upperBound <= start { next += 1 }
      var index = next
      while index < others.runs.count, others.runs[index].lowerBound < run.upperBound {
        let other = others.runs[index]
        if start < other.lowerBound { left.append(start..<other.lowerBound) }
        start = max(start, other.upperBound)
        index += 1
      }
      if start < run.upperBound { left.append(start..<run.upperBound) }
    }
    return AddressRuns(ascending: left)
  }

  /// Measures ranges that are asked for in ascending order.
  struct Meter {
    private let runs: [Range<UInt64>]
    private var next = 0

    init(_ runs: AddressRuns) {
      self.runs = runs.runs
    }

    /// Bytes of a range that are in the runs. Its start is not below the end of the one before.
    @inline(__always)
    mutating func byteCount(in start: UInt64, _ end: UInt64) -> UInt64 {
      while next < runs.count, runs[next].upperBound <= start { next += 1 }
      var count: UInt64 = 0
      while next < runs.count, runs[next].lowerBound < end {
        let run = runs[next]
        count += min(run.upperBound, end) - max(run.lowerBound, start)
        guard run.upperBound <= end else { break }
        next += 1
      }
      return count
    }
  }
}
