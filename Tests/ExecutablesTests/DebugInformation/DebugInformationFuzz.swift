import Executables
import Foundation
import TestSupport
import Testing

/// Damaged debug information; HEAPTAP_FUZZ_SECONDS says for how long, HEAPTAP_FUZZ_SEED where to begin.
@Suite(
  "Damaged debug information", .enabled(if: HeaptapCommand.isBuilt, "needs the built heaptap"))
struct DebugInformationFuzz {
  @Test("whatever libdw makes of it, the next module is read", .timeLimit(.minutes(60)))
  func damage() throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["HEAPTAP_FUZZ_SECONDS"].flatMap(Double.init) ?? 2
    let seed = environment["HEAPTAP_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    var generator = SeededGenerator(seed: seed)
    let fixture = try SourceFixture()
    let victims = try [
      Victim(fixture, "four", ["-gdwarf-4"]), Victim(fixture, "five", ["-gdwarf-5"]),
      Victim(fixture, "packed", ["-gz=zlib"]), Victim(fixture, "split", ["-gsplit-dwarf"]),
      Victim(fixture, "library", [], source: library, compiler: "g++"),
    ]
    let good = try fixture.module(fixture.files.path("five"))
    let deadline = ContinuousClock.now + .seconds(seconds)
    var executions = 0
    var differing = 0
    var slowest = Duration.zero
    while ContinuousClock.now < deadline {
      var places: [SourceResolver.Place] = []
      for index in 0..<8 {
        guard let victim = victims.randomElement(using: &generator) else { continue }
        let path = fixture.files.path("damaged\(index)")
        try Data(victim.damaged(using: &generator)).write(to: URL(filePath: path))
        guard let module = try? fixture.module(path) else { continue }
        for distance: UInt64 in [0, 1, 6, 40] {
          places.append(
            SourceResolver.Place(
              module: module, address: victim.mark &+ distance, symbol: "_ZN1a1bEv"))
        }
      }
      for place in places { _ = fixture.resolver.calls(at: place) }
      let elapsed = ContinuousClock().measure { fixture.resolver.settle(within: 120) }
      slowest = max(slowest, elapsed)
      for place in places {
        let calls = fixture.resolver.calls(at: place)
        #expect(calls != nil)
        if calls?.count != SourceFixture.chainLines.count { differing += 1 }
      }
      executions += places.count
      let offset = UInt64(executions)
      // A new address each time, so that it is read and not remembered.
      #expect(fixture.calls(in: good, at: victims[1].mark &- offset % 3).isEmpty == false)
      unlink(fixture.files.path("damaged0"))
    }
    #expect(fixture.lines(in: good, at: victims[1].mark) == SourceFixture.chainLines)
    print(
      "debug information: \(executions) executions, \(differing) without the whole chain,"
        + " \(fixture.resolver.lostReaderCount) readers lost,"
        + " slowest round \(slowest), seed \(seed)")
  }
}

/// Templates, namespaces, exceptions and many merged calls.
private let library = """
  #include <map>
  #include <string>
  #include <vector>
  std::map<std::string, std::vector<int>> table;
  extern "C" __attribute__((noinline)) void work(int count) {
    try { table[std::to_string(count)].push_back(count); } catch (...) { table.clear(); }
    __asm__ volatile(".globl mark\\n.type mark, @function\\nmark: nop\\n" ::: "memory");
  }
  int main(int count, char **) { work(count); }

  """

/// A program whose debug sections are damaged.
private struct Victim {
  let bytes: [UInt8]
  let mark: UInt64
  /// Where the debug sections are in the file.
  private let sections: [Range<Int>]

  init(
    _ fixture: SourceFixture, _ name: String, _ flags: [String],
    source: String = SourceFixture.chain, compiler: String = "gcc"
  ) throws {
    let path = try fixture.compile(source, to: name, with: flags, compiler: compiler)
    bytes = Array(try Data(contentsOf: URL(filePath: path)))
    mark = try fixture.mark(in: path)
    sections = try Toolchain.run("readelf", "-SW", path).split(separator: "\n").compactMap { line in
      let fields = line.drop { $0 != "]" }.split(separator: " ")
      guard fields.count > 5, fields[1].hasPrefix(".debug"), let offset = Int(fields[4], radix: 16),
        let count = Int(fields[5], radix: 16), count > 0
      else { return nil }
      return offset..<offset + count
    }
    guard !sections.isEmpty else { throw TestSupportError("no debug sections in \(path)") }
  }

  func damaged(using generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...5, using: &generator) {
      guard let section = sections.randomElement(using: &generator) else { continue }
      let position = Int.random(in: section, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0...2: bytes[position] = .random(in: 0...255, using: &generator)
      case 3: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 4:
        let value: UInt8 = [0x00, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
        for index in position..<min(position + 8, section.upperBound) { bytes[index] = value }
      default:
        let other = Int.random(in: section, using: &generator)
        for index in 0..<min(16, section.upperBound - max(position, other)) {
          bytes[position + index] = bytes[other + index]
        }
      }
    }
    return bytes
  }
}
