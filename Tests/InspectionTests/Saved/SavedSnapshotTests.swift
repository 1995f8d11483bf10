import AllocationModel
import Executables
import Foundation
import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Inspection

/// What a file answers, against what the process did.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct SavedSnapshotTests {
  @Test(
    arguments: [
      ["planted_blocks", "4", "3000", "1"], ["planted_places"], ["planted_chains"],
      ["lost_blocks"], ["trimmed_heap"],
    ], [false, true])
  func `the answers of a file are those of the process`(
    program: [String], hasContents: Bool
  ) async throws {
    let folder = try ScratchDirectory()
    let live = try await Self.saved(
      try await Program.start(program), to: folder.path("saved"), hasContents)
    let saved = HeapSurvey(of: try HeapSnapshot(opening: folder.path("saved")))
    for (one, other) in zip(SavedSurvey.ask(live).values, SavedSurvey.ask(saved).values) {
      #expect(one == other)
    }
  }

  @Test func `types are known where neither the process nor its files are`() async throws {
    let folder = try ScratchDirectory()
    let answers: SavedSurvey.Answers
    do {
      let files = try ScratchDirectory()
      let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Programs/planted_types.cpp").path()
      try Toolchain.run("g++", "-O0", "-std=c++17", "-o", files.path("planted"), source)
      let program = try RunningProgram([files.path("planted")])
      try await program.waitForOutput { $0.contains("ready\n") }
      let live = try Program.survey(of: program.pid, names: Self.readable)
      answers = SavedSurvey.ask(live)
      _ = try SavedSurvey.save(live, to: folder.path("saved"))
    }
    let saved = HeapSurvey(
      of: try HeapSnapshot(opening: folder.path("saved")), names: Self.readable)
    for (one, other) in zip(answers.values, SavedSurvey.ask(saved).values) {
      #expect(one == other)
    }
    #expect(saved.census().rows.contains { $0.type.name == "Both" && $0.total.blocks == 300 })
    #expect(saved.references(toType: "Both", limit: 1)?.shares[0].path.root.name == "planted!kept")
  }

  @Test(arguments: [false, true])
  func `text and numbers are in a file only if that was asked for`(
    hasContents: Bool
  ) async throws {
    let folder = try ScratchDirectory()
    let live = try await Self.saved(
      try await Program.start(["secrets"]), to: folder.path("saved"), hasContents)
    let saved = try HeapSnapshot(opening: folder.path("saved"))
    // A variable, a stack, thread-local storage, two blocks, two free chunks; and the number itself.
    let all = Self.occurrences(in: live.image)
    #expect(all.text >= 7 && all.number >= 8)
    let kept = Self.occurrences(in: saved.image)
    #expect(kept.text == (hasContents ? all.text : 0))
    #expect(kept.number == (hasContents ? all.number : 0))
    #expect(saved.origin.hasContents == hasContents)
  }

  /// How often the secrets are in copied memory.
  private static func occurrences(in image: ProcessImage) -> (text: Int, number: Int) {
    var found = (text: 0, number: 0)
    for region in image.regions where region.isCopied {
      for run in region.copiedRuns {
        let bytes = image.withBytes(of: run) { $0.withUnsafeBytes { Data($0) } } ?? Data()
        found.text += count(Data("hush-hush-hush".utf8), in: bytes)
        found.number += count(Data([0xc2, 0x5e, 0xe7, 0xc2, 0x5e, 0xe7, 0xc2, 0x5e]), in: bytes)
      }
    }
    return found
  }

  private static func count(_ pattern: Data, in bytes: Data) -> Int {
    var found = 0
    var start = bytes.startIndex
    while let range = bytes.range(of: pattern, in: start..<bytes.endIndex) {
      found += 1
      start = range.upperBound
    }
    return found
  }

  private static func saved(
    _ program: borrowing RunningProgram, to path: String, _ hasContents: Bool
  ) async throws -> HeapSurvey {
    let image = try ImageCopier(pid: program.pid, maximumPause: .seconds(60))
      .copy(countingResidence: true)
    let survey = HeapSurvey(
      of: image, try image.walkHeap(), in: ProcessDirectory(pid: program.pid))
    _ = SavedSurvey.ask(survey)
    let byteCount = try SavedSurvey.save(survey, to: path, hasContents: hasContents)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.size] as? UInt64 == byteCount)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    return survey
  }

  private static func readable(_ symbols: [String]) -> [String] {
    let demangler = Demangler()
    return symbols.map { demangler.name(of: $0) }
  }
}
