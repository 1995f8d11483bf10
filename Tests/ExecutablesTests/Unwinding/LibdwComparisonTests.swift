import Foundation
import Processes
import Testing

@testable import Executables

/// Rules of real files against those of libdw, which reads the same sections independently.
@Suite("Unwind rules as libdw has them")
struct LibdwComparisonTests {
  /// Those of `HEAPTAP_UNWIND_FILES`, separated by colons, or files as different as most machines have them;
  /// those that are absent are left out.
  static let paths = (named ?? usual).filter { FileManager.default.isReadableFile(atPath: $0) }

  private static let named = ProcessInfo.processInfo.environment["HEAPTAP_UNWIND_FILES"].map {
    $0.split(separator: ":").map(String.init)
  }
  private static let usual = [
    "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    "/usr/bin/python3",
    "/root/.pyenv/versions/3.13.0/lib/libpython3.13.so.1.0",
    "/opt/swift/usr/lib/swift/linux/libswiftCore.so",
  ]

  /// Functions begin at multiples of 16, and what is between them needs no rule.
  private static let paddingLimit: UInt64 = 15

  @Test("every address of the code has the same rule", arguments: paths)
  func sameRules(path: String) throws {
    let file = try ELFFile(opening: path)
    let table = UnwindTable(reading: file)
    let truth = try LibdwFrames(path)
    #expect(table.isWellFormed)
    var differences: [String] = []
    var compared = 0
    let entry = truth.entry
    func compare(_ addresses: Range<UInt64>, _ expected: UnwindRule) {
      // What the first function doesn't say of itself is known to this module.
      for address in addresses where !(entry..<entry + 128).contains(address) {
        let rule = table.rule(at: address)
        compared += 1
        guard rule != expected else { continue }
        differences.append("\(String(address, radix: 16)): \(rule), libdw: \(expected)")
        return
      }
    }
    for part in truth.code {
      var address = part.lowerBound
      while address < part.upperBound, differences.count < 10 {
        let start = address
        if let row = truth.row(at: address) {
          address = min(row.end, part.upperBound)
          compare(start..<address, row.rule)
        } else {
          repeat { address += 1 } while address < part.upperBound && truth.row(at: address) == nil
          if address - start > Self.paddingLimit { compare(start..<address, .none) }
        }
      }
    }
    #expect(differences == [])
    #expect(compared > 0)
  }

  @Test("libc and the dynamic loader have every kind of rule that walking through them takes")
  func kinds() throws {
    let libc = try ELFFile(opening: try #require(mappedLibc()?.path))
    let kinds = Self.kinds(UnwindTable(reading: libc))
    #expect(kinds.isSuperset(of: [.none, .rsp, .rbp, .plt, .signal, .end]))
    let loader = try ELFFile(opening: try required(libc.interpreter))
    #expect(Self.kinds(UnwindTable(reading: loader)).isSuperset(of: [.rsp, .rbx, .end]))
  }

  private static func kinds(_ table: UnwindTable) -> Set<UnwindRule.Kind> {
    let rules = Int(table.words[4])
    let firstHalves = stride(from: rules, to: rules + 2 * table.ruleCount, by: 2)
    return Set(firstHalves.compactMap { UnwindRule(bits: UInt64(table.words[$0])).kind })
  }
}
