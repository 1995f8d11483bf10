import AllocationModel
import LinuxSystem
import Processes
import TestSupport

@testable import Inspection

/// A survey that went through a file.
enum SavedSurvey {
  static func save(
    _ survey: HeapSurvey, to path: String, hasContents: Bool = false
  ) throws -> UInt64 {
    let origin = HeapSnapshot.Origin(
      name: "planted", unixNanoseconds: 1_000_000_007, hasContents: hasContents)
    return try HeapSnapshot(of: survey, origin).save(to: try ReplacedFile(at: path))
  }

  /// Asks all that can be asked.
  static func ask(_ survey: HeapSurvey) -> Answers {
    let blocks = survey.walk.blocks
    let some = stride(from: 0, to: blocks.count, by: max(1, blocks.count / 12))
    let places =
      some.map { blocks[$0].address + 3 } + blocks.prefix(5).map { $0.address &- 8 }
      + survey.walk.freeChunks.prefix(20).map { $0.address + 20 }
      + survey.image.regions.map { ($0.mapping.start + $0.mapping.end) / 2 & ~7 }
    let census = survey.census()
    return Answers(
      values: [
        AnyHashable(survey.walk.account(in: survey.image)), AnyHashable(census),
        AnyHashable(survey.references.leakKinds.kinds), AnyHashable(survey.references.roots.all),
        AnyHashable(survey.holders(limit: 20)),
        AnyHashable(places.map { survey.place(at: $0) }),
        AnyHashable(some.map { survey.references(to: blocks[$0].address, limit: 3) }),
        AnyHashable(
          census.rows.prefix(10).map { survey.references(toType: $0.type.name, limit: 3) }),
        AnyHashable(survey.walk.checks), AnyHashable(blocks), AnyHashable(survey.walk.freeChunks),
      ])
  }

  struct Answers: Equatable {
    var values: [AnyHashable]
  }
}
