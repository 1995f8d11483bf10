import AllocationModel
import Executables
import Foundation
import Inspection
import TestSupport
import Testing

/// Programs that make known numbers of objects, against what is counted.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct PlantedTypeTests {
  @Test(
    arguments: [[], ["-s"], ["-no-pie"], ["-no-pie", "-static-libstdc++", "-s"], ["-O2", "-s"]])
  func `objects of C++ classes are counted by name, also without symbols`(
    flags: [String]
  ) async throws {
    let folder = try ScratchDirectory()
    try Toolchain.run(
      ["g++", "-O0", "-std=c++17"] + flags
        + ["-o", folder.path("planted"), Self.source("planted_types.cpp")])
    let program = try await Self.start(folder.path("planted"))
    let survey = try Program.survey(of: program.pid, names: Demangler().names)
    var planted: Set<String> = []
    for line in program.output.split(separator: "\n").dropLast() {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      let size = try #require(UInt64(words[1]))
      planted.insert(words[2])
      let found = survey.walk.blocks.indices.count {
        survey.types[$0].name == words[2] && survey.walk.blocks[$0].byteCount == size
      }
      #expect(found == Int(words[0]), "\(words[2])")
    }
    #expect(planted.count == 15)
    for row in survey.census().rows where row.type.kind == .cplusplus {
      #expect(planted.contains(row.type.name), "\(row) was not planted")
      #expect(row.total.bytes == UInt64(row.averageByteCount) * row.total.blocks)
    }
  }

  @Test(.enabled(if: Toolchain.has("swiftc"), "there is no swiftc"), arguments: ["-Onone", "-O"])
  func `objects of Swift classes are counted by name, also without symbols`(
    optimization: String
  ) async throws {
    let folder = try ScratchDirectory()
    try Toolchain.run(
      "swiftc", optimization, "-module-name", "Planted", "-o", folder.path("planted"),
      Self.source("planted_objects.swift"))
    try Toolchain.run("strip", "-s", folder.path("planted"))
    let program = try await Self.start(folder.path("planted"))
    let survey = try Program.survey(of: program.pid)
    var countsByName: [String: UInt64] = [:]
    for row in survey.census().rows where row.type.kind == .swift {
      countsByName[row.type.name] = row.total.blocks
    }
    let planted: [String: UInt64] = [
      "Planted.Node": 1000, "Planted.Animal": 300, "Planted.Dog": 700,
      "Planted.Box<Swift.Int>": 200, "Planted.Box<Swift.String>": 100,
      "Planted.Box<Swift.Double>": 50, "Planted.Box<Planted.Box<Swift.Double>>": 50,
      "Planted.Space.Inner": 60, "Swift.__StringStorage": 500,
    ]
    for (name, count) in planted { #expect(countsByName[name] == count, "\(name)") }
    #expect(countsByName.keys.filter { $0.hasPrefix("Planted.") }.count == 8)
  }

  @Test func `what holds a type is its variable, with all that only it holds`() async throws {
    let folder = try ScratchDirectory()
    try Toolchain.run(
      "g++", "-O0", "-std=c++17", "-o", folder.path("planted"), Self.source("planted_types.cpp"))
    let program = try await Self.start(folder.path("planted"))
    let survey = try Program.survey(of: program.pid, names: Demangler().names)
    let found = try #require(survey.references(toType: "Both", limit: 3))
    #expect(found.total == HeapLeaks.Total(blocks: 300, bytes: 12_000))
    #expect(found.unreached == HeapLeaks.Total())
    #expect(found.retainedByteCount == 12_000)
    let share = try #require(found.shares.first)
    #expect(found.shares.count == 1)
    #expect(share.total == found.total)
    #expect(share.path.root.name == "planted!kept")
    #expect(share.path.hops.count == 2 && share.path.hops[1].type == "Both")
    #expect(survey.references(toType: "No such type", limit: 3) == nil)
  }

  private static func source(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Programs").appending(path: name).path()
  }

  private static func start(_ path: String) async throws -> RunningProgram {
    let program = try RunningProgram([path])
    try await program.waitForOutput { $0.contains("ready\n") }
    return program
  }
}

extension Demangler {
  fileprivate func names(of symbols: [String]) -> [String] { symbols.map { name(of: $0) } }
}
