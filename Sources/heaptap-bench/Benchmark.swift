import AllocationProbes
import BPFRuntime
import Executables
import Glibc
import LinuxSystem
import Processes

/// `heaptap-bench [ROUNDS] [OUTPUT] [VARIANTS]`: what observation costs, as ratios within one interleaved run;
/// `heaptap-bench windows [SECONDS] [MILLISECONDS] [BUDGET] [LEAK]`: what windows cost a program, and what they say of it;
/// `heaptap-bench fold [SITES] [PROCESSES]`: what folding readings costs.
@main
enum Benchmark {
  private static let workloads = "Tests/Workloads/bench"

  static func main() {
    if CommandLine.arguments.dropFirst().first == "fold" {
      let numbers = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
      OutputStream.standardOutput.write(
        FoldBenchmark(
          siteCount: numbers.first ?? 100_000, processCount: numbers.dropFirst().first ?? 500
        ).text)
      return
    }
    if CommandLine.arguments.dropFirst().first == "windows" {
      measureWindows(CommandLine.arguments.dropFirst(2).compactMap { Double($0) })
      return
    }
    let rounds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 12
    let output = CommandLine.arguments.dropFirst(2).first ?? "bench-results.json"
    let only =
      CommandLine.arguments.dropFirst(3).first?.split(separator: ",").map(String.init) ?? []
    let folder = temporaryFolder()
    defer { shell("rm -rf \(folder)") }
    do {
      try prepare(folder)
      var results: [Report] = []
      for (frames, hasFramePointers) in [(10, false), (10, true), (50, false), (200, false)] {
        var variants: [PairBenchmark.Variant] =
          frames == 10 && !hasFramePointers
          ? PairBenchmark.Variant.allCases : [.untouched, .floor, .exact, .exactWithoutCache]
        if !only.isEmpty { variants = variants.filter { only.contains($0.rawValue) } }
        let benchmark = PairBenchmark(
          folder: folder, hasFramePointers: hasFramePointers, frames: frames, rounds: rounds,
          variants: variants)
        let report = Report(
          frames: frames, hasFramePointers: hasFramePointers, samples: try benchmark.run())
        OutputStream.standardOutput.write(report.text)
        results.append(report)
      }
      let json =
        "{\"schema\":\"heaptap.bench/1\",\"pairs\":[\(results.map(\.json).joined(separator: ","))]}\n"
      let file = try OwnedDescriptor.creating(output)
      OutputStream(descriptor: file.rawValue).write(json)
    } catch {
      OutputStream.standardError.write("heaptap-bench: \(error)\n")
      exit(1)
    }
  }

  private static func measureWindows(_ numbers: [Double]) {
    let folder = temporaryFolder()
    defer { shell("rm -rf \(folder)") }
    shell("gcc -O1 -fno-builtin -o \(folder)/churn \(workloads)/churn.c")
    var benchmark = WindowBenchmark()
    if let seconds = numbers.first { benchmark.seconds = seconds }
    if numbers.count > 1 { benchmark.milliseconds = numbers[1] }
    if numbers.count > 2 { benchmark.budget = numbers[2] }
    if numbers.count > 3 { benchmark.leak = Int(numbers[3]) }
    do {
      try benchmark.run(folder: folder)
    } catch {
      OutputStream.standardError.write("heaptap-bench: \(error)\n")
      exit(1)
    }
  }

  private static func temporaryFolder() -> String {
    var template = Array("/tmp/heaptap-bench.XXXXXX".utf8CString)
    return mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }

  /// Compiles the target and copies libc, with `cfree` moved to the probe point of `free`.
  private static func prepare(_ folder: String) throws {
    let flags = "-O1 -fno-builtin -fno-inline -fno-optimize-sibling-calls"
    shell("gcc \(flags) -fomit-frame-pointer -o \(folder)/pairs \(workloads)/pairs.c")
    shell("gcc \(flags) -fno-omit-frame-pointer -o \(folder)/pairs-fp \(workloads)/pairs.c")
    shell("cp \(workloads)/live_blocks.bt \(folder)/")
    var finder = AllocatorFinder(profile: try ProbeCalibration.measure().profile)
    let files = try finder.newFiles(in: ProcessDirectory(pid: getpid())).allocators
    guard let libc = files.first(where: { $0.name.hasSuffix("libc.so.6") }),
      let free = libc.probes.first(where: { $0.function.name == "free" })
    else { fatalError("this process maps no libc.so.6") }
    shell(
      "python3 \(workloads)/move_symbol.py \(libc.name) \(folder)/libc.so.6 cfree \(free.point.address)"
    )
  }

  private static func shell(_ command: String) {
    let process = Subprocess(["sh", "-c", command])
    var status: Int32 = 0
    waitpid(process.pid, &status, 0)
    guard status == 0 else { fatalError("failed: \(command)") }
  }
}
