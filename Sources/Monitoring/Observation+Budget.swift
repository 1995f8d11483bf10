import AllocationModel
import AllocationProbes
import BPFRuntime
import LinuxSystem
import Processes

// MARK: - Within a budget

extension Observation {
  /// Each is readable when `takeWindow` should be called.
  package var windowDescriptors: [Int32] {
    [budgeted?.windows?.descriptor].compactMap { $0 }
  }

  /// How long `step` need not be called, milliseconds; -1: for ever.
  package var millisecondsToStep: Int32 {
    guard let budgeted else { return -1 }
    let now = SystemClock.monotonicNanoseconds
    let due: UInt64
    if budgeted.governor.mode == .exact {
      due = budgeted.lastCheck + checkInterval
    } else if budgeted.windows?.isBusy ?? false {
      return -1
    } else {
      due = budgeted.nextWindow(after: now) ?? now + 1_000_000_000
    }
    return due <= now ? 0 : Int32(min((due - now) / 1_000_000 + 1, 60_000))
  }

  private var checkInterval: UInt64 {
    scope.probeScope == .named
      ? BudgetedObservation.namedCheck : BudgetedObservation.wideCheck
  }

  /// Does what is due: opens a window, or looks at what counting every call costs.
  package func step() {
    guard let budgeted else { return }
    let now = SystemClock.monotonicNanoseconds
    if budgeted.governor.mode == .exact {
      if now >= budgeted.lastCheck + checkInterval { checkCost(at: now) }
    } else if budgeted.windows == nil {
      budgeted.governor.retryWithoutWindows(at: now)
      if budgeted.governor.mode == .exact { beginCounting() }
    } else if budgeted.windows?.isBusy == false,
      let due = budgeted.nextWindow(after: now), due <= now
    {
      beginWindow(at: now)
    }
  }

  // MARK: Windows

  /// A window for a process that sleeps waits for it, for so long at most. A program that does something ten times a
  /// second would be met by few windows else, and all of those would be paid for.
  private static let patience: UInt64 = 300_000_000

  private func beginWindow(at now: UInt64) {
    guard let settings = budgeted?.governor.settings, let places = placesOfNextWindow(at: now)
    else { return }
    // With nothing to look at yet all of it can be counted.
    guard !places.isEmpty else { return noteEmptyWindow(isPartial: false) }
    budgeted?.places = places
    let isForFew = scope.probeScope == .named || budgeted?.subject != nil
    budgeted?.windows?.begin(
      WindowRequest(
        places, nanoseconds: UInt64(settings.windowLength * 1e9),
        patience: isForFew ? Self.patience : 0, allowance: settings.allowance,
        isLight: isNextWindowLight))
  }

  /// Whether the next window is to tell how fast threads are, of the process that it is for or of any.
  private var isNextWindowLight: Bool {
    guard let budgeted else { return false }
    // One that no window sees would want them for ever.
    let seen = budgeted.flows.filter { slot, _ in
      processes[slot].map { isInWindow($0) && $0.windows.refusal == nil } ?? false
    }
    return budgeted.lightWindows.isDue(
      wanted: seen.count { $0.value.balance.wantsLightWindow }, of: seen.count)
  }

  /// Nil: nobody is to have a window now.
  private func placesOfNextWindow(at now: UInt64) -> [WindowRequest.Place]? {
    budgeted?.subject = nil
    let isDue = budgeted?.governor.nextWindow(after: now).map { $0 <= now } ?? false
    guard case .process(let identity)? = budgeted?.attention.next(at: now, everyoneIsDue: isDue)
    else { return isDue ? runningPlaces : nil }
    let own = placesOfOwn(identity)
    guard !own.isEmpty else {
      budgeted?.attention.leaveOut(identity)
      return isDue ? runningPlaces : nil
    }
    budgeted?.subject = identity
    return own
  }

  /// What can be attached to: a process that has ended has no probes of its own any more.
  private var runningPlaces: [WindowRequest.Place] {
    attachments.filter { place in
      guard let pid = place.pid else { return true }
      return slotsByPid[pid].flatMap { processes[$0] }.map { !$0.hasExited } ?? false
    }
  }

  /// What can be attached to for a single process.
  private func placesOfOwn(_ identity: ProcessIdentity) -> [WindowRequest.Place] {
    guard let process = slotsByPid[identity.pid].flatMap({ processes[$0] }),
      process.identity == identity, !process.hasExited
    else { return [] }
    return attachments.filter { $0.file.isMapped(by: process.executableMappings) }.map {
      WindowRequest.Place(file: $0.file, pid: identity.pid)
    }
  }

  /// Time passes as if there had been a window without an event.
  private func noteEmptyWindow(isPartial: Bool) {
    let now = SystemClock.monotonicNanoseconds
    budgeted?.governor.note(
      Governor.Window(
        opened: now, closed: now + 1_000_000, detached: now + 1_000_000,
        ownSeconds: 0.001, busiestProcessDelay: 0, busiestThreadDelay: 0, isPartial: isPartial))
    if budgeted?.governor.mode == .exact { beginCounting() }
  }

  /// Takes over what the window that is over has recorded.
  package func takeWindow() {
    let recording: WindowRecording
    do throws(BPFError) {
      guard let taken = try budgeted?.windows?.take() else { return }
      recording = taken
    } catch {
      // One that has ended meanwhile is no failure.
      handleNewEvents()
      noteWindowOfEach(WindowFailures(budgeted?.places ?? [], failure: "\(error)"))
      if let subject = budgeted?.subject { budgeted?.attention.leaveOut(subject) }
      return noteEmptyWindow(isPartial: true)
    }
    let began = SystemClock.threadNanoseconds
    // Stacks are told before the events that refer to them.
    handleNewEvents()
    noteWindowOfEach(WindowFailures(budgeted?.places ?? [], refusals: recording.refusals))
    let load = fold(recording)
    let own = Double(recording.ownNanoseconds + SystemClock.threadNanoseconds - began) / 1e9
    note(
      Governor.Window(
        opened: recording.opened, closed: recording.detaching, detached: recording.detached,
        ownSeconds: own, busiestProcessDelay: load.process, busiestThreadDelay: load.thread,
        processorShare: processorShare(load), lostByAll: load.lostByAll,
        processorsOfAll: budgeted?.processorsOfAll ?? 1,
        outsideSeconds: Double(recording.outsideNanoseconds) / 1e9,
        idleSeconds: Double(recording.idleNanoseconds) / 1e9,
        isPartial: budgeted?.subject != nil, isLight: recording.isLight))
    if budgeted?.governor.mode == .exact { beginCounting() }
  }

  /// Whether the window under way is for a process.
  private func isInWindow(_ process: ObservedProcess) -> Bool {
    !process.hasExited && budgeted?.subject.map { $0 == process.identity } ?? true
  }

  private func noteWindowOfEach(_ failures: WindowFailures) {
    for (slot, process) in processes where isInWindow(process) {
      let refusal = failures.refusal(of: process.identity.pid, process.executableMappings)
      processes[slot]?.windows.note(refusal: refusal)
    }
  }

  private func note(_ window: Governor.Window) {
    guard let budgeted else { return }
    budgeted.governor.note(window, share: budgeted.attention.shareOfEveryone)
    if let subject = budgeted.subject {
      budgeted.attention.noteWindow(
        of: subject, ownSeconds: window.ownSeconds, cost: budgeted.governor.cost(of: window),
        at: window.detached)
    } else {
      budgeted.attention.noteWindowForAll(ownSeconds: window.ownSeconds)
      budgeted.lightWindows.note(isLight: window.isLight)
    }
  }

  /// Adds a window to what is known of each process.
  private func fold(_ recording: WindowRecording) -> WindowLoad {
    var events: [ProcessSlot: [WindowEvent]] = [:]
    for event in recording.events { events[event.process, default: []].append(event) }
    let counts = events.mapValues { CallCounts($0) }
    if !recording.isLight {
      budgeted?.costs.learn(
        counts.values.reduce(into: CallCounts()) { $0 += $1 },
        programNanoseconds: recording.programNanoseconds)
    }
    // Nothing in a window is something to know, too.
    let concerned = Set(events.keys)
      .union((budgeted?.flows ?? [:]).keys.filter { processes[$0].map(isInWindow) ?? false })
    var load = WindowLoad()
    let open = Double(recording.detaching - recording.opened - recording.idleNanoseconds) / 1e9
    for slot in concerned {
      let event =
        recording.isLight
        ? budgeted?.costs.ofLightEvent(programNanoseconds: recording.programNanoseconds) ?? 0
        : budgeted?.costs.note(counts[slot] ?? CallCounts(), of: slot) ?? 0
      let threads = fold(events[slot] ?? [], of: slot, recording, eventNanoseconds: event)
      load.add(threads, eventSeconds: event / 1e9, open: open)
      budgeted?.note(threads, of: slot)
    }
    return load
  }

  /// How much of a core the thread that was delayed most has, as far as that is known.
  private func processorShare(_ load: WindowLoad) -> Double {
    if let subject = budgeted?.subject {
      let known = slotsByPid[subject.pid].flatMap { budgeted?.processors[$0] }
      return load.processorShare ?? known ?? 0
    }
    if let share = load.processorShare { budgeted?.processorShare = share }
    return budgeted?.processorShare ?? 1
  }

  /// - Returns: what its threads did.
  private func fold(
    _ events: [WindowEvent], of slot: ProcessSlot, _ recording: WindowRecording,
    eventNanoseconds: Double
  ) -> [ThreadCell] {
    guard let budgeted, let process = processes[slot], !process.isReplaced,
      // Seen in part it would have frees and no allocations.
      process.windows.refusal == nil
    else { return [] }
    var flow = budgeted.flows[slot] ?? ProcessFlow(horizon: budgeted.horizon)
    budgeted.flows[slot] = nil
    let reading = flow.builder.reading(
      of: process.identity, events, in: recording, eventNanoseconds: eventNanoseconds
    ) { (process.stacks[$0]?.site ?? SiteID(rawValue: 0)).rawValue }
    flow.balance.fold(reading)
    budgeted.flows[slot] = flow
    return reading.threads
  }

  // MARK: Every call

  /// Attaches to everything: all is counted from now on, and nothing is known of before.
  private func beginCounting() {
    finishEnded(isModeEnding: true)
    session.forgetCounts()
    budgeted?.flows = [:]
    budgeted?.isCounting = true
    for slot in processes.keys { processes[slot]?.isFromStart = false }
    let refusalsBefore = refusalsByFile
    for place in runningPlaces {
      do throws(BPFError) {
        try session.attach(place.file, pid: place.pid)
        refusalsByFile[place.file.name] = nil
      } catch {
        refusalsByFile[place.file.name] = "\(error)"
      }
    }
    if refusalsByFile != refusalsBefore {
      for slot in processes.keys { processes[slot]?.hasUnknownVisibility = true }
    }
    let now = SystemClock.monotonicNanoseconds
    budgeted?.calls = [:]
    checkCost(at: now)
  }

  private func checkCost(at now: UInt64) {
    guard let budgeted else { return }
    let mayStep = attachments.contains { $0.file.mayThrow }
    var (most, all) = (0.0, 0.0)
    for (slot, process) in processes where !process.hasExited {
      let count = session.callCount(of: slot)
      if let before = budgeted.calls[slot] {
        let delay = Double(count &- before) * budgeted.costs.expected(of: slot, mayStep: mayStep)
        most = max(most, delay)
        all += delay
      }
      budgeted.calls[slot] = count
    }
    budgeted.lastCheck = now
    budgeted.governor.note(
      delay: most / 1e9, delayPerCore: all / 1e9 / Double(BudgetedObservation.coreCount), at: now)
    guard budgeted.governor.mode == .windows else { return }
    endCounting()
  }

  /// What was counted is shown no more, nor what is lost while functions are detached one after the other.
  private func endCounting() {
    finishEnded(isModeEnding: true)
    let before = processes.mapValues { session.readProcess($0.slot).lost }
    session.detachAllocators()
    for (slot, lost) in before {
      guard var process = processes[slot] else { continue }
      process.lossesOfDetaching =
        process.lossesOfDetaching + session.readProcess(slot).lost.since(lost)
      processes[slot] = process
    }
    budgeted?.isCounting = false
  }
}
