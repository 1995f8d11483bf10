import AllocationModel
import Inspection
import LinuxSystem
import Processes
import SystemPackage

/// The file that a snapshot is about to be saved to.
final class SaveFile {
  private let path: String
  private var file: ReplacedFile?

  /// - Throws: `SnapshotError` where it can't be written.
  init(_ path: String) throws(SnapshotError) {
    self.path = path
    do throws(Errno) {
      file = try ReplacedFile(at: path)
    } catch {
      throw SnapshotError(path: path, reason: .unwritable(error.description.lowercased()))
    }
  }

  /// Saves what a survey of a live process knows; once.
  func save(_ survey: HeapSurvey, hasContents: Bool) throws(SnapshotError) {
    let name = (try? ProcessDirectory(pid: survey.image.pid).status().name) ?? "?"
    let origin = HeapSnapshot.Origin(
      name: name, unixNanoseconds: SystemClock.unixNanoseconds, hasContents: hasContents)
    let snapshot = Progress.during("looking at types and symbols") {
      HeapSnapshot(of: survey, origin)
    }
    let byteCount = try Progress.during("saving") { () throws(SnapshotError) -> UInt64 in
      guard let file = file.take() else { preconditionFailure("a file is saved to once") }
      return try snapshot.save(to: file)
    }
    OutputStream.standardError.write(
      "heaptap: saved to \(path), \(Figure.bytes(byteCount)), "
        + (hasContents
          ? "with all that its memory contains\n" : "without what its memory contains\n"))
  }
}
