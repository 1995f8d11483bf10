import AllocationModel
import AllocationProbes

/// CPU times of a process's threads, in and between windows.
///
/// The kernel adds to a thread's CPU time at ticks, 1 to 10 ms apart, and at switches, so that at any other moment it is
/// too little: by as much of a window as matters. What is missing is the time since that update, but it is told by a
/// clock of the processor's own. That one lies behind ours by a constant (for as long as a window takes), which is the
/// least by which it was ever seen to: right after an update.
struct ThreadClocks {
  /// A thread's moments in the window under way, with its events until then.
  private typealias Course = [(moment: ThreadMoment, counts: (events: UInt64, frees: UInt64))]

  fileprivate struct Seen {
    var time: UInt64
    var cpuNanoseconds: UInt64
  }

  /// A thread that was not seen for so long is forgotten, ns.
  private static let memory: UInt64 = 60_000_000_000
  /// With fewer moments the updates are hardly met.
  private static let fewestMoments = 4

  private var courses: [Int32: Course] = [:]
  /// After the last window that a thread did something in.
  private var seen: [Int32: Seen] = [:]

  mutating func note(
    _ moment: ThreadMoment, of thread: Int32, counts: (events: UInt64, frees: UInt64)
  ) {
    courses[thread, default: []].append((moment, counts))
  }

  /// Fills in what is known of the threads' times, and forgets the window.
  mutating func finish(_ cells: inout [ThreadCell], _ recording: WindowRecording) {
    let delays = delaysByProcessor
    for index in cells.indices {
      let thread = Int32(bitPattern: cells[index].thread)
      guard let course = courses[thread], let first = course.first else { continue }
      let start = first.moment.seen(delays)
      guard
        let end = inside(&cells[index], course, from: start, delays, recording)
          ?? inside(&cells[index], from: start, until: recording)
      else { continue }
      if let last = seen[thread], start.time > last.time,
        start.cpuNanoseconds >= last.cpuNanoseconds
      {
        cells[index].nanosecondsBetween = start.cpuNanoseconds - last.cpuNanoseconds
        cells[index].betweenLength = start.time - last.time
      }
      seen[thread] = end
    }
    courses = [:]
    guard seen.count > 64 else { return }
    seen = seen.filter { $0.value.time + Self.memory > recording.opened }
  }

  /// By how many nanoseconds the clock of each processor lies behind.
  private var delaysByProcessor: [UInt32: Int64] {
    var delays: [UInt32: Int64] = [:]
    for moment in courses.values.lazy.joined().map(\.moment) {
      let delay = Int64(bitPattern: moment.time &- moment.updated)
      delays[moment.processor] = min(delay, delays[moment.processor] ?? .max)
    }
    return delays
  }

  /// From the first moment to the last, for a thread that was busy for most of the window; nil for others.
  private func inside(
    _ cell: inout ThreadCell, _ course: Course, from start: Seen, _ delays: [UInt32: Int64],
    _ recording: WindowRecording
  ) -> Seen? {
    guard course.count >= Self.fewestMoments, let last = course.last else { return nil }
    let end = last.moment.seen(delays)
    guard end.time > start.time, end.cpuNanoseconds > start.cpuNanoseconds,
      2 * (end.time - start.time) > recording.closed - min(recording.closed, start.time)
    else { return nil }
    cell.nanosecondsInside = end.cpuNanoseconds - start.cpuNanoseconds
    cell.insideLength = end.time - start.time
    (cell.eventsInside, cell.freesInside) = last.counts
    return end
  }

  /// From the first moment until the CPU time was looked at after the window, where it was.
  private func inside(
    _ cell: inout ThreadCell, from start: Seen, until recording: WindowRecording
  ) -> Seen? {
    guard let after = recording.cpuNanoseconds[Int32(bitPattern: cell.thread)],
      after >= start.cpuNanoseconds, recording.closed > start.time
    else { return nil }
    cell.nanosecondsInside = after - start.cpuNanoseconds
    cell.insideLength = recording.closed - start.time
    return Seen(time: recording.closed, cpuNanoseconds: after)
  }
}

extension ThreadMoment {
  /// The CPU time at the moment itself.
  fileprivate func seen(_ delays: [UInt32: Int64]) -> ThreadClocks.Seen {
    let delay = Int64(bitPattern: time &- updated)
    let sinceUpdate = UInt64(max(0, delay - (delays[processor] ?? delay)))
    return ThreadClocks.Seen(time: time, cpuNanoseconds: cpuNanoseconds + sinceUpdate)
  }
}
