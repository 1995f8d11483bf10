import AllocationProbes
import ArgumentParser
import BPFRuntime
import Executables
import Glibc
import LinuxSystem
import Monitoring
import Processes

/// `heaptap doctor`: what this machine allows, what is missing and how to get it.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this kernel and a target allow.")

  @Flag(
    name: .shortAndLong, help: "Also print where each allocator function is probed, and the cost.")
  var verbose = false

  @Option(help: ArgumentHelp("Look at this process's allocators, not heaptap's.", valueName: "pid"))
  var pid: Int32?

  @Option(help: ArgumentHelp("As for watch.", valueName: "kinds", visibility: .hidden))
  var forbid = ""

  func run() throws {
    try TargetCheck.checkNamespace()
    if let pid { try TargetCheck.check(pid: pid) }
    say("kernel", KernelIdentity.release)
    say("user", KernelIdentity.isRoot ? "root" : "not root")
    say(
      "kernel types",
      KernelIdentity.hasTypeInformation
        ? "there (/sys/kernel/btf/vmlinux)"
        : "missing: use a kernel built with CONFIG_DEBUG_INFO_BTF")
    let calibration = try ProbeCalibration.measure(
      forbidding: Set(
        forbid.split(separator: ",").compactMap { UprobeLinkKind(rawValue: String($0)) }))
    describeLinks(calibration)
    describeInstructions(calibration.profile)
    try describeAllocators(calibration.profile)
  }

  private func describeLinks(_ calibration: ProbeCalibration) {
    for kind in UprobeLinkKind.allCases {
      let answer =
        if let refusal = calibration.refusedKinds[kind] {
          refusal
        } else {
          kind == calibration.linkKind ? "works, used" : "not needed"
        }
      say("\(kind.rawValue) links", answer)
    }
  }

  private func describeInstructions(_ profile: EmulationProfile) {
    guard verbose else { return }
    say("one probe hit", "by the instruction under it:")
    for instructionClass in InstructionClass.allCases {
      guard let cost = profile.nanosecondsByClass[instructionClass] else { continue }
      let execution = profile.emulates(instructionClass) ? "emulated" : "single-stepped"
      print(
        "    \(padded(instructionClass.rawValue, 16)) \(padded(nanoseconds(cost), 10)) \(execution)"
      )
    }
  }

  private func describeAllocators(_ profile: EmulationProfile) throws {
    var finder = AllocatorFinder(profile: profile)
    let target = pid ?? getpid()
    let directory = ProcessDirectory(pid: target)
    let files = try finder.newFiles(in: directory).allocators
    if let runtime = finder.obstacle(in: directory) {
      say("runtime", "process \(target) \(runtime.description)")
    }
    guard !files.isEmpty else { throw TargetCheck.noAllocator(pid: target) }
    for file in files {
      let emulated = file.probes.filter { $0.point.execution == .emulated }.count
      say(
        "allocator",
        "\(file.name) (\(file.families.joined(separator: ", "))): \(file.probes.count) functions,"
          + " \(emulated) entered with one trap")
      for refusal in file.refusals where !verbose {
        print("    \(refusal.name) is not probed: \(refusal.reason)")
      }
      guard verbose else { continue }
      for probe in file.probes { describe(probe) }
      for refusal in file.refusals {
        print("    \(padded(refusal.name, 16)) not probed: \(refusal.reason)")
      }
    }
  }

  private func describe(_ probe: AllocatorFile.Probe) {
    let point = probe.point
    let bytes = point.entryBytes.map { hexadecimal($0) }.joined(separator: " ")
    let cost = point.nanoseconds.map(nanoseconds) ?? "?"
    print(
      "    \(padded(probe.function.name, 16)) +\(padded(String(point.offset), 4))"
        + " \(padded(point.instructionClass.rawValue, 14)) \(padded(point.execution.rawValue, 14))"
        + " \(padded(cost, 9)) entry \(bytes)")
    if !probe.returnOffsets.isEmpty {
      print(
        "    \(padded("", 16)) may throw: no return probe, but probes on"
          + " \(probe.returnOffsets.count) instructions by which it returns")
    }
    if let obstacle = point.obstacle { print("    \(padded("", 16)) because \(obstacle)") }
  }

  private func say(_ topic: String, _ answer: String) { print("\(padded(topic, 15)) \(answer)") }

  private func print(_ line: String) { OutputStream.standardOutput.write(line + "\n") }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func nanoseconds(_ value: Double) -> String { "\(Int(value.rounded())) ns" }

  private func hexadecimal(_ byte: UInt8) -> String {
    byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
  }
}
