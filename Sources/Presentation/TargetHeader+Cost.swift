import AllocationModel

extension TargetHeader {
  /// How long the process is observed for, and what that costs it; nil where that is not known.
  func cost(_ target: TargetSnapshot) -> String? {
    if let windows = target.windows {
      return "windows: \(Figure.count(UInt64(windows.count))) so far, open for "
        + "\(Figure.share(windows.openShare)) of the time; cost at most "
        + "\(Figure.share(windows.costShare)) of its time, budget \(Figure.share(windows.budget))"
        + failures(windows)
    }
    return target.costShare.map {
      let share = Figure.share($0)
      return "counting costs it "
        + (share.hasPrefix("<") ? "less than \(share.dropFirst())" : "about \(share)")
        + " of its time"
    }
  }

  private func failures(_ windows: WindowUse) -> String {
    guard windows.failedCount > 0 else { return "" }
    let reason = windows.failure.map { ", the last as heaptap \($0)" } ?? ""
    return "; \(Figure.count(UInt64(windows.failedCount))) more failed\(reason)"
  }
}
