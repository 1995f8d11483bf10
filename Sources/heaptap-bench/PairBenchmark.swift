import AllocationProbes
import BPFRuntime
import Executables
import Glibc
import LinuxSystem
import Processes

/// Measures one malloc+free pair of a running program under several kinds of observation, in turn, several times.
struct PairBenchmark {
  /// One kind of observation.
  enum Variant: String, CaseIterable {
    case untouched
    case floor
    case exact
    case exactWithoutCache
    case outOfScope
    case emptyAtFirstBytes
    case freeAtProbePoint
    case freeAtFirstByte
    case scriptAtFirstBytes
    case scriptAtProbePoints

    var title: String {
      switch self {
      case .untouched: "untouched"
      case .floor: "floor: empty programs at the probe points"
      case .exact: "heaptap exact"
      case .exactWithoutCache: "heaptap exact, every unwind rule searched anew"
      case .outOfScope: "heaptap in all processes, this one no target"
      case .emptyAtFirstBytes: "empty programs at first bytes"
      case .freeAtProbePoint: "free alone, empty program at its probe point"
      case .freeAtFirstByte: "free alone, empty program at its first byte"
      case .scriptAtFirstBytes: "bpftrace script at first bytes"
      case .scriptAtProbePoints: "bpftrace script at the probe points"
      }
    }
  }

  let folder: String
  /// Compiled with frame pointers; unwind rules are used either way.
  let hasFramePointers: Bool
  let frames: Int
  let rounds: Int
  let variants: [Variant]

  /// Nanoseconds per pair: all batches, by round.
  typealias Samples = [Variant: [[Double]]]

  func run() throws -> Samples {
    let library = "\(folder)/libc.so.6"
    let target = Subprocess(
      [hasFramePointers ? "\(folder)/pairs-fp" : "\(folder)/pairs", String(frames)],
      environment: ["LD_LIBRARY_PATH": folder])
    usleep(300_000)
    let calibration = try ProbeCalibration.measure()
    var finder = AllocatorFinder(profile: calibration.profile)
    guard
      let file = try finder.newFiles(in: ProcessDirectory(pid: target.pid)).allocators
        .first(where: { $0.name.hasSuffix("libc.so.6") })
    else { fatalError("the target maps no libc") }
    // Its tables live as long as a watch does; only the probes come and go.
    var settings = ProbeSettings(maximumBlocks: 250_000)
    let session = try Self.session(settings, target)
    settings.keepsUnwindRules = false
    let uncached = try variants.contains(.exactWithoutCache) ? Self.session(settings, target) : nil
    let others =
      try variants.contains(.outOfScope) ? ProbeSession(ProbeSettings(maximumBlocks: 1000)) : nil
    var samples: Samples = [:]
    for _ in 0..<rounds {
      for variant in variants {
        let seconds = variant.rawValue.hasPrefix("script") ? 1.0 : 0.4
        let session =
          switch variant {
          case .exactWithoutCache: uncached ?? session
          case .outOfScope: others ?? session
          default: session
          }
        try observe(variant, file, library, target, session) {
          usleep(200_000)
          _ = target.newLines()
          usleep(useconds_t(seconds * 1e6))
          // The first batch may have begun before.
          samples[variant, default: []].append(
            target.newLines().dropFirst().compactMap { Double($0) })
        }
      }
    }
    target.end(SIGKILL)
    return samples
  }

  private static func session(
    _ settings: ProbeSettings, _ target: Subprocess
  ) throws -> ProbeSession {
    let session = try ProbeSession(settings)
    _ = try CodeRegistry(session).addTarget(pid: target.pid)
    return session
  }

  private func observe(
    _ variant: Variant, _ file: AllocatorFile, _ library: String, _ target: Subprocess,
    _ session: ProbeSession, _ measure: () -> Void
  ) throws {
    let pair = file.probes.filter { ["malloc", "free"].contains($0.function.name) }
    let free = file.probes.filter { $0.function.name == "free" }
    func empty(_ probes: [AllocatorFile.Probe], atEntry: Bool) throws {
      let targets = probes.map {
        UprobeTarget(
          fileOffset: $0.fileOffset - (atEntry ? UInt64($0.point.offset) : 0),
          cookie: UInt64($0.function.kind))
      }
      let attached = try EmptyProbes(
        session.calibration.linkKind, path: file.held.path, targets: targets, pid: target.pid)
      withExtendedLifetime(attached, measure)
    }
    switch variant {
    case .untouched: measure()
    case .floor: try empty(pair, atEntry: false)
    case .emptyAtFirstBytes: try empty(pair, atEntry: true)
    case .freeAtProbePoint: try empty(free, atEntry: false)
    case .freeAtFirstByte: try empty(free, atEntry: true)
    case .exact, .exactWithoutCache:
      try session.attach(file, pid: target.pid)
      measure()
      session.detach()
    case .outOfScope:
      try session.attach(file, pid: nil)
      measure()
      session.detach()
    case .scriptAtFirstBytes: script(library, target, free: "free", measure)
    case .scriptAtProbePoints: script(library, target, free: "cfree", measure)
    }
  }

  /// In the copy of libc that the target uses, `cfree` begins at free's probe point.
  private func script(_ library: String, _ target: Subprocess, free: String, _ measure: () -> Void)
  {
    let edit = "s#LIBC#\(library)#g; s/MALLOC/malloc/; s/FREE/\(free)/; s/PID/\(target.pid)/g"
    let tracer = Subprocess([
      "sh", "-c",
      "sed '\(edit)' \(folder)/live_blocks.bt > \(folder)/filled.bt; exec bpftrace -q \(folder)/filled.bt 2>/dev/null",
    ])
    if tracer.waitForLine(containing: "attached", seconds: 20) {
      usleep(500_000)
      measure()
    }
    tracer.end(SIGKILL)
    usleep(200_000)
  }
}
