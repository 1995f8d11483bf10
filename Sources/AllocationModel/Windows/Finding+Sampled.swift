extension Finding {
  /// What windows showed of a site; `~` stands before whatever is estimated.
  package struct Sampled: Hashable, Sendable {
    enum Course: Hashable, Sendable {
      case short(needed: Int)
      case grew
      /// So many bytes in the earlier half, then nothing beyond chance.
      case levelled(bytes: Double)
      case balanced
      case shrank
      case unclear
      case unseen
    }

    var course: Course
    var growth: GrowthRate
    /// Seconds.
    var duration: Double
    var sampledBlocks: UInt64
    var windowCount: Int

    init(_ estimate: SiteEstimate, _ course: Course) {
      self.course = course
      growth = estimate.flow.growth
      duration = estimate.elapsed
      sampledBlocks = estimate.flow.sampledBlocks
      windowCount = estimate.windowCount
    }
  }
}

extension Finding.Sampled {
  var sentence: String {
    let length = Figure.duration(duration)
    switch course {
    case .short(let needed):
      return "seen in \(windowCount) of the \(needed) windows a verdict needs"
    case .grew:
      return "grew ~\(Figure.bytes(growth.bytesPerSecond))/s "
        + "(\(Figure.range(growth.low, growth.high))/s) over \(length), \(basis)"
    case .levelled(let bytes):
      return "grew ~\(Figure.bytes(bytes)), then no more in the last "
        + "\(Figure.duration(duration / 2)), \(basis)"
    case .balanced: return "as much freed as allocated: \(rate) over \(length), \(basis)"
    case .shrank:
      return "shrank ~\(Figure.bytes(-growth.bytesPerSecond))/s "
        + "(\(Figure.range(-growth.high, -growth.low))/s) over \(length), \(basis)"
    case .unclear: return "no clear direction: \(rate) over \(length), \(basis)"
    case .unseen:
      return "no allocation in the \(windows) of \(length), which proves nothing"
    }
  }

  private var rate: String {
    "~\(Figure.rate(growth.bytesPerSecond)) (\(Figure.range(growth.low, growth.high))/s)"
  }

  /// What the figures rest on.
  private var basis: String {
    "\(Figure.count(sampledBlocks)) sampled \(sampledBlocks == 1 ? "block" : "blocks") in \(windows)"
  }

  private var windows: String {
    "\(Figure.count(UInt64(windowCount))) \(windowCount == 1 ? "window" : "windows")"
  }
}
