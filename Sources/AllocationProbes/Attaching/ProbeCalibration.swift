package import BPFRuntime
import CLinux
package import Executables
import Glibc
import ProbeABI
import Processes

/// What probes cost on the running kernel, measured on functions of this very process.
///
/// Which instructions a kernel emulates under a uprobe changed over time and differs between vendors' kernels,
/// so it is measured, not derived from a version. The same attempt finds out which kind of link there is.
package struct ProbeCalibration: Sendable {
  package var profile: EmulationProfile
  /// The best kind that works here and is not forbidden.
  package var linkKind: UprobeLinkKind
  /// Why better kinds were not taken.
  package var refusedKinds: [UprobeLinkKind: String]

  /// An instruction that costs less than this share of a single-stepped one was emulated: there is one trap
  /// instead of two, a ratio of 1:3 on hardware and beyond 1:15 in nested virtual machines.
  private static let emulatedShare = 0.6
  private static let callsPerRound: UInt32 = 40

  private static let subjects: [(InstructionClass, UInt32)] = [
    (.push, LINUX_SUBJECT_PUSH.rawValue), (.pushExtended, LINUX_SUBJECT_PUSH_REX.rawValue),
    (.jumpShort, LINUX_SUBJECT_JMP_SHORT.rawValue), (.jumpNear, LINUX_SUBJECT_JMP_NEAR.rawValue),
    (.branchShort, LINUX_SUBJECT_JCC_SHORT.rawValue),
    (.branchNear, LINUX_SUBJECT_JCC_NEAR.rawValue),
    (.call, LINUX_SUBJECT_CALL_NEAR.rawValue), (.nop, LINUX_SUBJECT_NOP.rawValue),
    (.endbr64, LINUX_SUBJECT_ENDBR64.rawValue), (.other, LINUX_SUBJECT_OTHER.rawValue),
  ]

  /// Attaches empty programs to functions of this process and times them: some 50 ms.
  ///
  /// - Throws: `BPFError` when not even the oldest kind of link can be made.
  package static func measure(forbidding forbidden: Set<UprobeLinkKind> = []) throws(BPFError)
    -> ProbeCalibration
  {
    var refused: [UprobeLinkKind: String] = [:]
    var last = BPFError(attempt: "attach a uprobe of a kind that is not forbidden", code: EINVAL)
    for kind in UprobeLinkKind.allCases {
      guard !forbidden.contains(kind) else {
        refused[kind] = "forbidden by option"
        continue
      }
      do {
        return ProbeCalibration(
          profile: try measure(with: kind), linkKind: kind, refusedKinds: refused)
      } catch {
        last = error
        // What a kernel does not know is an invalid argument to it.
        refused[kind] =
          error.code == EINVAL && error.log.isEmpty
          ? "not offered by this kernel; Linux \(kind.firstKernel) and later have them"
          : error.description
        if error.isPermission { break }
      }
    }
    throw last
  }

  private static func measure(with kind: UprobeLinkKind) throws(BPFError) -> EmulationProfile {
    let targets = try subjects.map { subject throws(BPFError) in
      // As a free, a session asks for no return half: what is measured is the entry alone.
      UprobeTarget(
        fileOffset: try fileOffset(of: linux_probe_subject_address(subject.1)),
        cookie: UInt64(CALL_FREE.rawValue))
    }
    let probes = try EmptyProbes(kind, path: "/proc/self/exe", targets: targets, pid: getpid())
    defer { _ = probes }

    var costs: [InstructionClass: Double] = [:]
    for (instructionClass, subject) in subjects {
      costs[instructionClass] = linux_probe_subject_cost(subject, callsPerRound)
    }
    let singleStepped = costs[.other] ?? .infinity
    return EmulationProfile(
      emulated: Set(costs.filter { $0.value < singleStepped * emulatedShare }.keys),
      nanosecondsByClass: costs)
  }

  private static func fileOffset(of address: UnsafeRawPointer) throws(BPFError) -> UInt64 {
    let address = UInt64(UInt(bitPattern: address))
    let mappings = try? ProcessDirectory(pid: getpid()).mappings().mappings
    guard let mapping = mappings?.first(where: { $0.contains(address) }) else {
      throw BPFError(attempt: "find this program's own code in /proc/self/maps", code: ENOENT)
    }
    return address - mapping.start + mapping.fileOffset
  }
}
