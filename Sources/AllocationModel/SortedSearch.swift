extension RandomAccessCollection where Index == Int {
  /// The index behind the elements at the beginning of which something holds.
  ///
  /// - Parameter holds: true of some elements at the beginning, and of none behind them.
  /// - Complexity: O(log n).
  @inlinable
  package func endOfPrefix(where holds: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if holds(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
