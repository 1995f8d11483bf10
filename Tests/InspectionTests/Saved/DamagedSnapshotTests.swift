import AllocationModel
import Executables
import Foundation
import LinuxSystem
import Processes
import TestSupport
import Testing

@testable import Inspection

@Suite struct DamagedSnapshotTests {
  /// A small snapshot of a heap that was made up.
  private static func original(seed: UInt64) throws -> [UInt8] {
    let folder = try ScratchDirectory()
    var generator = SeededGenerator(seed: seed)
    let layout = try #require(GlibcLayout(.init(2, 36)))
    let heap = SyntheticHeap.random(layout, &generator)
    let image = try heap.image()
    let survey = HeapSurvey(of: image, try heap.walker.walk(image), in: nil)
    _ = try SavedSurvey.save(survey, to: folder.path("saved"), hasContents: true)
    return Array(try Data(contentsOf: URL(filePath: folder.path("saved"))))
  }

  /// What is said of a file; nil if it can be read, and then everything is asked of it.
  private static func complaint(_ bytes: [UInt8], _ folder: ScratchDirectory) throws
    -> SnapshotError?
  {
    try Data(bytes).write(to: URL(filePath: folder.path("damaged")))
    do throws(SnapshotError) {
      let snapshot = try HeapSnapshot(opening: folder.path("damaged"))
      _ = SavedSurvey.ask(HeapSurvey(of: snapshot))
      return nil
    } catch {
      return error
    }
  }

  @Test func `what is wrong with a file is one sentence and a status`() throws {
    let folder = try ScratchDirectory()
    let whole = try Self.original(seed: 1)
    var later = whole
    later[SnapshotSection.magic.count] = 9
    var changed = whole
    changed[whole.count / 2] ^= 1
    let cases: [([UInt8], Int32, String)] = [
      (Array("no snapshot".utf8), 2, "it is none; name a file that was written with --save"),
      ([], 2, "it is none; name a file that was written with --save"),
      (later, 3, "its format 9 is not 1; use the heaptap that wrote it, or save it anew"),
      (Array(whole.dropLast(3)), 4, "it ends too early; copy it or save it anew"),
      (whole + [0], 4, "there is something behind its end; copy it or save it anew"),
      (changed, 4, "a checksum of it is wrong; copy it or save it anew"),
    ]
    #expect(try Self.complaint(whole, folder) == nil)
    for (bytes, status, sentence) in cases {
      let error = try #require(try Self.complaint(bytes, folder))
      #expect(error.status == status)
      #expect(
        error.description == "cannot read the snapshot \(folder.path("damaged")): \(sentence)")
    }
    let missing = SnapshotError(path: "x", reason: .unwritable("no such file or directory"))
    #expect(
      missing.description
        == "cannot save the snapshot to x: no such file or directory; name a file in a writable folder with room"
    )
  }

  @Test func `no byte can be changed, and no end be missing, unnoticed`() throws {
    let folder = try ScratchDirectory()
    let whole = try Self.original(seed: 2)
    var generator = SeededGenerator(seed: 2)
    for round in 0..<100 {
      var bytes = whole
      if round % 4 == 0 {
        bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
      } else {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      #expect(try Self.complaint(bytes, folder) != nil, "round \(round)")
    }
  }

  /// Checksums are no protection against those who can compute them.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `any contents with right checksums are survived`(seed: UInt64) throws {
    let folder = try ScratchDirectory()
    var generator = SeededGenerator(seed: seed)
    try Data(try Self.original(seed: seed)).write(to: URL(filePath: folder.path("whole")))
    let reader = try SnapshotReader(opening: folder.path("whole"))
    let kinds = SnapshotSection.Kind.allCases.filter { $0 != .end && $0 != .memory }
    var contents: [[UInt8]] = []
    for kind in kinds { contents.append(try reader.contents(of: kind).bytes) }
    var readable = 0
    for _ in 0..<40 {
      var writer = try SnapshotWriter(try ReplacedFile(at: folder.path("forged")))
      let victim = Int.random(in: 0..<kinds.count, using: &generator)
      for (number, kind) in kinds.enumerated() {
        var bytes = contents[number]
        if number == victim { Self.damage(&bytes, &generator) }
        try writer.write(kind, bytes)
      }
      _ = try writer.complete()
      let forged = Array(try Data(contentsOf: URL(filePath: folder.path("forged"))))
      if try Self.complaint(forged, folder) == nil { readable += 1 }
    }
    // Else nothing but the reader was tested.
    #expect(readable > 2)
  }

  private static func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
      let position = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
      case 1: bytes[position] = .max
      case 2: bytes[position] = 0
      case 3: bytes.insert(contentsOf: [0xff, 0xff, 0xff, 0xff, 0x7f], at: position)
      default: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
    }
  }
}
