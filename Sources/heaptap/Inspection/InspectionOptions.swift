import ArgumentParser
import Executables
import Inspection
import LinuxSystem
import Monitoring
import Processes

/// Which process is inspected, and how long it may stand still.
struct InspectionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The process.", valueName: "pid"))
  var pid: Int32

  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Let the process go after this time at the latest, and give up.", valueName: "seconds"))
  var maxPause = 2.0

  func validate() throws {
    guard maxPause > 0, maxPause <= 3600 else {
      throw ValidationError("--max-pause takes seconds, more than 0 and at most 3600")
    }
  }

  /// Copies the memory of the process, and finds its blocks in the copy.
  ///
  /// - Parameter countingResidence: whether the kernel is asked, too, how much of the process is resident.
  func inspect(countingResidence: Bool = false) throws -> (image: ProcessImage, walk: HeapWalk) {
    try TargetCheck.check(pid: pid)
    let copier = try ImageCopier(pid: pid, maximumPause: .seconds(maxPause))
    OutputStream.standardError.write(
      "heaptap: process \(pid) stands still for about \(Self.milliseconds(copier.expectedPause)) ms\n"
    )
    let image = try copier.copy(countingResidence: countingResidence)
    return (image, try image.walkHeap())
  }

  /// The same with the references among the blocks and what they are called.
  func survey() throws -> HeapSurvey {
    let (image, walk) = try inspect()
    return survey(of: image, walk)
  }

  func survey(of image: ProcessImage, _ walk: HeapWalk) -> HeapSurvey {
    let reader = NameReader(reader: .thisProgram)
    return HeapSurvey(of: image, walk, in: ProcessDirectory(pid: pid), names: reader.names)
  }

  static func milliseconds(_ duration: Duration) -> String {
    let value = duration / .milliseconds(1)
    return String((value * 10).rounded() / 10)
  }
}
