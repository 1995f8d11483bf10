/// What a verdict is based on: the figures of the sentence that tells it.
///
/// Sentences are made only for the sites that somebody looks at, since there may be 100,000.
package enum Finding: Hashable, Sendable {
  /// Too short to judge.
  case short(observed: Double, readings: Int, needed: Int)
  case grew(Growth)
  /// Few blocks that realloc makes larger.
  case enlarged(rate: Double, duration: Double, blocks: UInt64, bytes: UInt64)
  /// It grew by so many bytes, then stopped.
  case levelled(bytes: Double, flow: Flow)
  case held(blocks: UInt64, duration: Double)
  case empty(duration: Double)
  case balanced(Flow)
  case shrank(rate: Double, flow: Flow)
  case unclear(Flow)
  case sampled(Sampled)
  /// Nothing references blocks of it, and how it grew.
  case unreachable(SiteInspection, String?)
  /// What the flow says, and what holds the blocks.
  case anchored(String, by: String)
  /// Whatever somebody wrote.
  case text(String)

  /// Blocks that came and went in so many seconds.
  package struct Flow: Hashable, Sendable {
    var allocated: UInt64
    var freed: UInt64
    var duration: Double
  }

  package struct Growth: Hashable, Sendable {
    /// Bytes per second.
    var rate: Double
    var flow: Flow
    /// Not the number of blocks grew, but their sizes.
    var isBySize: Bool
    /// Age of the oldest live block in seconds.
    var oldest: Double?
    var lifetimes: Lifetimes?
  }
}

extension Finding {
  /// Without a full stop.
  var sentence: String {
    switch self {
    case .short(let observed, let readings, let needed):
      "seen for \(Figure.duration(max(0, observed))) in \(readings) of the \(needed) samples "
        + "a verdict needs"
    case .grew(let growth): growth.sentence
    case .enlarged(let rate, let duration, let blocks, let bytes):
      "grew \(Self.speed(rate)) for \(Figure.duration(duration)), "
        + (blocks == 1 ? "one growing block" : "\(blocks) growing blocks")
        + " of now \(Figure.bytes(bytes))"
    case .levelled(let bytes, let flow):
      "grew \(Figure.bytes(bytes)), then "
        + (flow.allocated == 0 && flow.freed == 0
          ? "no allocation or free"
          : "\(Figure.blocks(flow.allocated)) allocated and \(Figure.count(flow.freed)) freed")
        + " in the last \(Figure.duration(flow.duration))"
    case .held(let blocks, let duration):
      "\(Figure.blocks(blocks)) held, no allocation or free for \(Figure.duration(duration))"
    case .empty(let duration):
      "nothing live, no allocation or free for \(Figure.duration(duration))"
    case .balanced(let flow): flow.sentence
    case .shrank(let rate, let flow):
      "shrank \(Self.speed(rate)) for \(Figure.duration(flow.duration)), \(flow.sentence)"
    case .unclear(let flow): "no clear direction, \(flow.sentence)"
    case .sampled(let sampled): sampled.sentence
    case .unreachable(let inspection, let growth):
      "nothing references \(Figure.count(inspection.unreachable.blocks)) of "
        + "\(Figure.blocks(inspection.blocks)), \(Figure.bytes(inspection.unreachable.bytes))"
        + (growth.map { "; \($0)" } ?? "")
    case .anchored(let sentence, let holder): "\(sentence), held by \(holder)"
    case .text(let text): text
    }
  }

  fileprivate static func speed(_ rate: Double) -> String { Figure.bytes(rate.magnitude) + "/s" }
}

extension Finding.Flow {
  fileprivate var sentence: String {
    "\(Figure.blocks(allocated)) allocated and \(Figure.count(freed)) freed in "
      + Figure.duration(duration)
  }
}

extension Finding.Growth {
  fileprivate var sentence: String {
    "grew \(Finding.speed(rate)) for \(Figure.duration(flow.duration)), " + turnover + fate
  }

  private var turnover: String {
    if isBySize { return "\(Figure.blocks(flow.allocated)) took the place of smaller ones" }
    return
      "\(Figure.count(min(flow.freed, flow.allocated))) of \(Figure.blocks(flow.allocated)) freed"
  }

  /// Whether what is left stays, or is freed later and later.
  private var fate: String {
    guard flow.freed > 0 else { return "" }
    let lived = lifetimes.map {
      "freed blocks lived \(Figure.duration($0.median)) at the median"
    }
    guard let oldest else { return lived.map { ", " + $0 } ?? "" }
    // Blocks as old as the window have outlived everything that was freed in it.
    guard oldest >= 0.9 * flow.duration else {
      let queue = ", backlog: none is older than \(Figure.duration(oldest))"
      return queue + (lived.map { ", " + $0 } ?? "")
    }
    guard let lifetimes, let lived, lifetimes.percentile90 < oldest / 2 else {
      return ", kept: the oldest is \(Figure.duration(oldest)) old"
    }
    return ", kept: \(lived), 9 of 10 at most \(Figure.duration(lifetimes.percentile90)), "
      + "but the oldest is \(Figure.duration(oldest)) old"
  }
}
