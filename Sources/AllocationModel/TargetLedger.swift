/// The targets seen so far, in the order they were first seen, with the last figures of those that
/// ended.
struct TargetLedger: Sendable {
  /// What one reading made of the targets.
  struct Result {
    var current: [TargetSnapshot]
    /// Processes whose figures are final.
    var exited: Set<Int32>
    /// Processes that were dropped, since too many others exited after them.
    var forgotten: [Int32]
  }

  private var order: [Int32] = []
  private var targetsByPID: [Int32: TargetSnapshot] = [:]
  /// Exited processes, the first to exit first.
  private var exitOrder: [Int32] = []

  mutating func fold(_ readings: [TargetSnapshot], exitedLimit: Int) -> Result {
    var seen: Set<Int32> = []
    for target in readings where seen.insert(target.pid).inserted {
      if targetsByPID.updateValue(target, forKey: target.pid) == nil { order.append(target.pid) }
      if !target.hasExited { exitOrder.removeAll { $0 == target.pid } }
    }
    for pid in order where !seen.contains(pid) {
      // A target that is no longer read has ended; what it holds now is known to be nothing.
      targetsByPID[pid]?.hasExited = true
      targetsByPID[pid]?.residentBytes = nil
      targetsByPID[pid]?.residentAnonymousBytes = nil
    }
    let exited = Set(order.filter { targetsByPID[$0]?.hasExited == true })
    exitOrder += order.filter { exited.contains($0) && !exitOrder.contains($0) }
    let forgotten = Array(exitOrder.dropLast(max(0, exitedLimit)).filter { !seen.contains($0) })
    if !forgotten.isEmpty {
      order.removeAll { forgotten.contains($0) }
      exitOrder.removeAll { forgotten.contains($0) }
      for pid in forgotten { targetsByPID[pid] = nil }
    }
    return Result(
      current: order.compactMap { targetsByPID[$0] },
      exited: exited,
      forgotten: forgotten
    )
  }
}
