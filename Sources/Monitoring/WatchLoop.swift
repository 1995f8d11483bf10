package import AllocationModel
import Glibc
package import LinuxSystem
import Processes

/// Polls an observation until it is over, on the calling thread.
package struct WatchLoop: ~Copyable {
  /// When to print and when to stop.
  package struct Schedule: Sendable {
    /// Seconds between snapshots, > 0.
    package var interval: Double
    /// Snapshots after which to stop; nil: no limit.
    package var count: Int?
    /// Seconds after which to stop; nil: no limit.
    package var duration: Double?
    /// Take the first snapshot at once instead of after one interval.
    package var startsAtOnce: Bool

    package init(
      interval: Double, count: Int? = nil, duration: Double? = nil, startsAtOnce: Bool = true
    ) {
      self.interval = interval
      self.count = count
      self.duration = duration
      self.startsAtOnce = startsAtOnce
    }
  }

  /// Why the loop ended.
  package enum Ending: Equatable, Sendable {
    /// The count or the duration was reached, or a signal asked for it.
    case asScheduled
    /// Every target has ended.
    case targetsGone
    /// Whoever reads the snapshots wants no more.
    case readerLeft
  }

  private enum Token: UInt64 {
    case timer, signal, events, records, target, window, inspection
  }

  private let observation: Observation
  private let schedule: Schedule
  private let signals: SignalReader

  /// Signals are blocked from now on and handled by the loop.
  package init(_ observation: Observation, _ schedule: Schedule, signals: consuming SignalReader) {
    self.observation = observation
    self.schedule = schedule
    self.signals = signals
  }

  /// Runs until the schedule, a signal, the targets or the reader end it.
  ///
  /// - Parameters:
  ///   - pids: targets whose end is waited for.
  ///   - child: a command started by this process; SIGTERM is passed on to it, and SIGINT ends only it.
  ///   - publish: gets each snapshot; false ends the loop.
  /// - Returns: why it ended. The last snapshot published then covers everything that was counted.
  package func run(
    pids: [Int32], child: Int32? = nil, publish: (Snapshot) -> Bool
  ) throws -> Ending {
    let poller = try EventPoller()
    let timer = try IntervalTimer(seconds: schedule.interval)
    try poller.add(timer.descriptor, token: Token.timer.rawValue)
    try poller.add(signals.descriptor, token: Token.signal.rawValue)
    for descriptor in observation.eventDescriptors {
      try poller.add(descriptor, token: Token.events.rawValue)
    }
    for descriptor in observation.recordDescriptors {
      try poller.add(descriptor, token: Token.records.rawValue)
    }
    for descriptor in observation.windowDescriptors {
      try poller.add(descriptor, token: Token.window.rawValue)
    }
    for descriptor in observation.inspectionDescriptors {
      try poller.add(descriptor, token: Token.inspection.rawValue)
    }
    let watched = TargetDescriptors(pids, poller)

    var printed = 0
    if schedule.startsAtOnce {
      printed += 1
      let isLast = printed == schedule.count
      guard publish(observation.takeSnapshot(isLast: isLast)) else { return .readerLeft }
      if isLast { return .asScheduled }
    }
    while true {
      var isDue = false
      var isStopped = false
      for token in poller.wait(milliseconds: nextWait) {
        switch Token(rawValue: token) {
        case .timer: isDue = timer.consume() > 0
        case .events: observation.handleEvents()
        case .records: observation.takeMappingRecords()
        case .window: observation.takeWindow()
        case .inspection: observation.takeInspection()
        case .signal: isStopped = handleSignals(child: child) || isStopped
        default: watched.noteEnding(token, observation, poller)
        }
      }
      observation.step()
      if isStopped || remainingMilliseconds == 0 {
        return publish(observation.takeSnapshot(isLast: true)) ? .asScheduled : .readerLeft
      }
      if !pids.isEmpty, watched.areGone {
        observation.handleEvents()
        if observation.isOver {
          return publish(observation.takeSnapshot(isLast: true)) ? .targetsGone : .readerLeft
        }
      }
      guard isDue else { continue }
      printed += 1
      let isLast = printed == schedule.count
      guard publish(observation.takeSnapshot(isLast: isLast)) else { return .readerLeft }
      if isLast { return .asScheduled }
    }
  }

  /// Waits for a child of this process without observing it; SIGTERM is passed on to it.
  package func waitForEnd(of child: Int32) throws {
    guard let descriptor = try? ProcessDescriptor(pid: child) else { return }
    let poller = try EventPoller()
    try poller.add(signals.descriptor, token: Token.signal.rawValue)
    try poller.add(descriptor.descriptor, token: Token.target.rawValue)
    while !poller.wait(milliseconds: -1).contains(Token.target.rawValue) {
      _ = handleSignals(child: child)
    }
  }

  /// Until the duration is over; -1 without one.
  private var remainingMilliseconds: Int32 {
    guard let duration = schedule.duration else { return -1 }
    return Int32(min(max(0, duration - observation.elapsed) * 1000, 1e9))
  }

  /// Until the duration is over or the observation has something to do; -1 for ever.
  private var nextWait: Int32 {
    let waits = [remainingMilliseconds, observation.millisecondsToStep].filter { $0 >= 0 }
    return waits.min() ?? -1
  }

  /// True: the loop is to end.
  private func handleSignals(child: Int32?) -> Bool {
    var isStopped = false
    while let signal = signals.next() {
      switch signal {
      case SIGCHLD: continue
      case SIGTERM where child != nil: kill(child ?? 0, SIGTERM)
      case SIGINT where child != nil: continue
      default: isStopped = true
      }
    }
    return isStopped
  }
}

/// The ends of the targets, as descriptors that become readable.
private final class TargetDescriptors {
  private static let firstToken: UInt64 = 1000
  private var descriptors: [Holder?] = []
  private let pids: [Int32]

  private final class Holder {
    let descriptor: ProcessDescriptor
    init(_ descriptor: consuming ProcessDescriptor) { self.descriptor = descriptor }
  }

  init(_ pids: [Int32], _ poller: borrowing EventPoller) {
    self.pids = pids
    for (index, pid) in pids.enumerated() {
      guard let descriptor = try? ProcessDescriptor(pid: pid) else {
        descriptors.append(nil)
        continue
      }
      try? poller.add(descriptor.descriptor, token: Self.firstToken + UInt64(index))
      descriptors.append(Holder(descriptor))
    }
  }

  var areGone: Bool { descriptors.allSatisfy { $0 == nil } }

  func noteEnding(_ token: UInt64, _ observation: Observation, _ poller: borrowing EventPoller) {
    guard token >= Self.firstToken, case let index = Int(token - Self.firstToken),
      index < descriptors.count, let holder = descriptors[index]
    else { return }
    poller.remove(holder.descriptor.descriptor)
    descriptors[index] = nil
    observation.handleEvents()
    observation.markExited(pid: pids[index])
  }
}
