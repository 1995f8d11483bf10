import AllocationModel
import ArgumentParser
import Executables
import Exporters
import Inspection
import LinuxSystem
import Monitoring
import Presentation
import Processes
import SystemPackage

/// Which process is inspected, and how long it may stand still; or which snapshot of one.
struct InspectionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The process.", valueName: "pid"))
  var pid: Int32?

  @Option(help: ArgumentHelp("A file that was saved, in place of a process.", valueName: "file"))
  var snapshot: String?

  @Option(
    help: ArgumentHelp(
      "Save what is seen, to be inspected later or elsewhere.", valueName: "file"))
  var save: String?

  @Flag(
    help: "Save all contents of memory, too; else it is addresses only, and no text or numbers.")
  var withContents = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Let the process go after this time at the latest, and give up.", valueName: "seconds"))
  var maxPause = 2.0

  @Flag(
    help: ArgumentHelp(
      "Let the kernel make a copy-on-write image.",
      discussion: """
        The process stands still for a quarter of the time or less, and pays for each page that it \
        writes to meanwhile. Only where that is safe: not under seccomp, nor without room for its \
        memory twice.
        """))
  var copyOnWrite = false

  func validate() throws {
    guard maxPause > 0, maxPause <= 3600 else {
      throw ValidationError("--max-pause takes seconds, more than 0 and at most 3600")
    }
    guard (pid == nil) != (snapshot == nil) else {
      throw ValidationError("give either --pid or --snapshot")
    }
    guard save == nil || snapshot == nil else {
      throw ValidationError("--save is for a process; copy the snapshot")
    }
    guard !copyOnWrite || pid != nil else {
      throw ValidationError("--copy-on-write is for a process")
    }
    guard !withContents || save != nil else {
      throw ValidationError("--with-contents is for --save")
    }
  }
}

extension InspectionOptions {
  /// The heap of the process or of the snapshot; the process stands still while its memory is copied.
  ///
  /// - Parameter countingResidence: whether the kernel is asked, too, how much of the process is resident.
  func inspect(countingResidence: Bool = false) throws -> (image: ProcessImage, walk: HeapWalk) {
    if let snapshot {
      let saved = try open(snapshot)
      return (saved.image, saved.walk)
    }
    guard save == nil else {
      let survey = try survey()
      return (survey.image, survey.walk)
    }
    return try inspectProcess(countingResidence: countingResidence)
  }

  /// The same with the references among the blocks and what they are called.
  ///
  /// - Parameter traced: blocks that were seen when they were allocated and are there still; called when a process was
  ///   copied and goes on.
  func survey(traced: () -> [TracedBlock] = { [] }) throws -> HeapSurvey {
    let reader = NameReader(reader: .thisProgram)
    if let snapshot {
      let saved = try open(snapshot)
      return Progress.during("looking for references") {
        HeapSurvey(of: saved, names: reader.names)
      }
    }
    // Whether it can be written is known before the process is stopped.
    let file = try save.map(SaveFile.init)
    let (image, walk) = try inspectProcess(countingResidence: save != nil, traced: traced)
    let survey = Progress.during("looking for references") {
      HeapSurvey(of: image, walk, in: ProcessDirectory(pid: image.pid), names: reader.names)
    }
    try file?.save(survey, hasContents: withContents)
    return survey
  }

  private func inspectProcess(
    countingResidence: Bool, traced: () -> [TracedBlock] = { [] }
  ) throws -> (image: ProcessImage, walk: HeapWalk) {
    let pid = pid ?? 0
    try TargetCheck.check(pid: pid)
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maxPause))
    OutputStream.standardError.write(
      "heaptap: process \(pid) stands still for about "
        + "\(Self.milliseconds(copyOnWrite ? copier.expectedTwinPause : copier.expectedPause)) ms\n"
    )
    let image =
      copyOnWrite
      ? try copier.copyOnWrite(countingResidence: countingResidence)
      : try copier.copy(countingResidence: countingResidence)
    let known = traced()
    return (
      image, try Progress.during("looking for blocks") { try image.walkHeap { known } }
    )
  }

  private func open(_ path: String) throws -> HeapSnapshot {
    let snapshot = try Progress.during("reading the snapshot") { try HeapSnapshot(opening: path) }
    let origin = snapshot.origin
    OutputStream.standardError.write(
      "heaptap: \(path) is of process \(snapshot.image.pid) (\(origin.name.printable)) at "
        + "\(Timestamp(unixNanoseconds: origin.unixNanoseconds)), "
        + (origin.hasContents ? "with all contents\n" : "without contents\n"))
    return snapshot
  }

  static func milliseconds(_ duration: Duration) -> String {
    let value = duration / .milliseconds(1)
    return String((value * 10).rounded() / 10)
  }
}
