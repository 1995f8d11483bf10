import AllocationModel
import AllocationProbes
import BPFRuntime
import Executables
import Glibc
import LinuxSystem
import Monitoring
import Processes

/// `heaptap-bench windows [SECONDS] [MILLISECONDS] [BUDGET] [LEAK]`: what windows cost a program that allocates 25 million
/// times a second, and what they say of its leak of so many bytes a second.
struct WindowBenchmark {
  var seconds = 30.0
  /// Of one window, while it is open.
  var milliseconds = 4.0
  /// The share of the target's time that windows may be open for. Attaching and detaching hardly slow it.
  var budget = 0.02
  /// Bytes a second; 0: nothing is leaked.
  var leak = 50_000

  /// Seconds in which probes are there around a window, taken together.
  private static let edge = 0.001

  private struct Target {
    var process: Subprocess
    var slot: ProcessSlot
    /// Of the leaking function.
    var leak: UInt64
  }

  func run(folder: String) throws {
    let session = try ProbeSession(ProbeSettings(maximumBlocks: 1000))
    let windows = try WindowProbes(session)
    let target = try start("\(folder)/churn", session)
    let identity = try ProcessDirectory(pid: target.process.pid).status().identity
    var finder = AllocatorFinder(profile: session.calibration.profile)
    let files = try finder.newFiles(in: ProcessDirectory(pid: target.process.pid)).allocators
    usleep(3_000_000)
    let untouched = lostShares(of: target, for: 5)

    var builder = WindowReadingBuilder()
    var balance = FlowBalance()
    var firstBySlot: [StackSlot: UInt64] = [:]
    var times = (attaching: 0.0, open: 0.0, closing: 0.0)
    var (count, events) = (0, 0)
    var found: Double?
    let began = SystemClock.monotonicNanoseconds
    var elapsed: Double { Double(SystemClock.monotonicNanoseconds - began) / 1e9 }
    _ = target.process.newLines()
    while elapsed < seconds {
      let recording = try windows.record(
        WindowRequest(
          files.map { WindowRequest.Place(file: $0, pid: target.process.pid) },
          nanoseconds: UInt64(milliseconds * 1e6), allowance: 20_000))
      for case .stack(let stack) in session.takeEvents() {
        firstBySlot[stack.stack] = stack.addresses.dropFirst().first ?? 0
      }
      balance.fold(
        builder.reading(of: identity, recording.events, in: recording) { UInt64($0.rawValue) })
      count += 1
      events += recording.events.count
      times.attaching += Double(recording.opened - recording.attaching) / 1e9
      times.open += Double(recording.closed - recording.opened) / 1e9
      times.closing += Double(recording.detached - recording.closed) / 1e9
      if found == nil, let first = balance.estimate()?.sites.first, first.growth.low > 0,
        isLeak(StackSlot(rawValue: UInt32(builder.sites[Int(first.site)])), firstBySlot, target)
      {
        found = elapsed
      }
      let due = (Double(recording.closed - recording.opened) / 1e9 + Self.edge) / budget
      let left = due - Double(SystemClock.monotonicNanoseconds - recording.attaching) / 1e9
      if left > 0 { usleep(UInt32(left * 1e6)) }
    }
    let shares = target.process.newLines().compactMap(Self.lostShare)
    report(untouched, shares, count, events, times)
    for site in balance.estimate()?.sites.prefix(6) ?? [] {
      let isLeak = isLeak(
        StackSlot(rawValue: UInt32(builder.sites[Int(site.site)])), firstBySlot, target)
      OutputStream.standardOutput.write(
        "  site \(site.site)\(isLeak ? " (the leak)" : ""): \(site.sampledBlocks) sampled, "
          + "\(Self.rounded(site.growth.bytesPerSecond)) B/s, from \(Self.rounded(site.growth.low)) to "
          + "\(Self.rounded(site.growth.high))\n")
    }
    OutputStream.standardOutput.write(
      found.map { "  the leak was first after \(Self.rounded($0)) s\n" } ?? "  no leak was first\n")
    target.process.end(SIGKILL)
  }

  private func start(_ program: String, _ session: ProbeSession) throws -> Target {
    let process = Subprocess(["stdbuf", "-oL", program, String(self.leak)])
    var leak: UInt64?
    for _ in 0..<200 where leak == nil {
      usleep(10_000)
      leak =
        process.newLines().lazy.compactMap { line -> UInt64? in
          guard line.hasPrefix("forgotten 0x") else { return nil }
          return UInt64(line.dropFirst("forgotten 0x".count), radix: 16)
        }.first
    }
    guard let leak else { fatalError("\(program) does not say where it leaks") }
    let slot = try CodeRegistry(session).addTarget(pid: process.pid)
    return Target(process: process, slot: slot, leak: leak)
  }

  /// Whether the second frame lies in the first bytes of the leaking function: the first one is `filled`.
  private func isLeak(
    _ stack: StackSlot, _ callers: [StackSlot: UInt64], _ target: Target
  ) -> Bool {
    guard let caller = callers[stack] else { return false }
    return caller > target.leak && caller < target.leak + 32
  }

  private func lostShares(of target: Target, for seconds: Int) -> [Double] {
    _ = target.process.newLines()
    usleep(UInt32(seconds) * 1_000_000)
    return target.process.newLines().compactMap(Self.lostShare)
  }

  private static func lostShare(_ line: String) -> Double? {
    let words = line.split(separator: " ")
    return words.count == 5 ? Double(words[2]) : nil
  }

  private func report(
    _ untouched: [Double], _ shares: [Double], _ count: Int, _ events: Int,
    _ times: (attaching: Double, open: Double, closing: Double)
  ) {
    func percent(_ values: [Double]) -> String {
      values.isEmpty
        ? "?" : "\((1e4 * values.reduce(0, +) / Double(values.count)).rounded() / 100) %"
    }
    func each(_ total: Double) -> String {
      "\(Self.rounded(1e3 * total / Double(max(1, count)))) ms"
    }
    OutputStream.standardOutput.write(
      """
      windows: lost \(percent(shares)) of its time, untouched \(percent(untouched)); budget \(100 * budget) %
        \(count) windows of \(each(times.open)), attaching took \(each(times.attaching)), detaching \
      \(each(times.closing)); \(events / max(1, count)) events each

      """)
  }

  private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
