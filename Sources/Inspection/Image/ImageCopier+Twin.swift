import LinuxSystem
import Processes

extension ImageCopier {
  /// How fast the kernel copies the page tables of a process, bytes of memory a second; 1.5e10 to 4e10 was measured.
  private static let twinRate = 1e10
  /// Room that has to be left beside the memory of the process, bytes.
  private static let reserve: UInt64 = 64 << 20

  /// How long the process will probably stand still for a copy-on-write image.
  package var expectedTwinPause: Duration {
    .milliseconds(2) + .seconds(Double(expectedByteCount) / Self.twinRate)
  }

  /// Takes the image from a twin that shares the process's memory: it stands still only until the kernel has made that,
  /// and each page that it writes to before the image is complete is copied then, at its cost.
  ///
  /// - Throws: `InspectionError`, `.noTwin` where it can't be done or is not safe; the process goes on in any case.
  package borrowing func copyOnWrite(
    countingResidence: Bool = false
  ) throws(InspectionError) -> ProcessImage {
    try checkTwinIsSafe()
    guard let instructions = TwinInstructions(in: try currentMappings(), of: pid) else {
      throw .noTwin(pid: pid, detail: "its code has no system call that could be used for it")
    }
    struct Seen {
      var threads: [ThreadState]
      var mappings: [MemoryMapping]
      var residentByteCount: UInt64?
    }
    let began = ContinuousClock.now
    let outcome: Result<Result<ProcessImage, InspectionError>, StoppedProcess.TwinError>
    do throws(StopError) {
      outcome = try StoppedProcess.withTwin(
        of: pid, instructions, patience: min(maximumPause, .seconds(2)),
        look: { (stopped) throws(InspectionError) in
          Seen(
            threads: states(of: stopped.threads), mappings: try currentMappings(),
            residentByteCount: countingResidence ? try countResidence() : nil)
        },
        { (seen, twin) throws(InspectionError) in
          let pause = ContinuousClock.now - began
          let contents = try contents(of: twin.pid, seen.mappings, seen.threads)
          return image(of: contents, pause: pause, seen.residentByteCount)
        })
    } catch {
      throw .unstoppable(pid: pid, error)
    }
    switch outcome {
    case .success(let image): return try image.get()
    case .failure(let error): throw .noTwin(pid: pid, detail: error.sentence)
    }
  }

  private borrowing func contents(
    of twin: Int32, _ mappings: [MemoryMapping], _ threads: [ThreadState]
  ) throws(InspectionError) -> Contents {
    let shared: [MemoryMapping]
    do throws(ProcessError) {
      shared = try ProcessDirectory(pid: twin).mappings().mappings
    } catch {
      throw .unreadable(error)
    }
    let pages = try Self.pages(of: twin)
    // Nobody stands still for this.
    let (regions, unreadable) = try regions(
      copying: mappings, from: twin, pages, until: .now + .seconds(3600))
    // What the process keeps from its children (MADV_DONTFORK) is not in the twin.
    let missing = AddressRuns(
      merging: mappings.filter(ImageRegion.wantsCopy).map { $0.start..<$0.end }
    ).subtracting(AddressRuns(merging: shared.map { $0.start..<$0.end }))
    return Contents(
      regions: regions, threads: threads,
      unreadablePageCount: unreadable + Int(missing.byteCount / PagePresence.pageByteCount))
  }

  private static func pages(of pid: Int32) throws(InspectionError) -> PageMapFile {
    do throws(ProcessError) {
      return try PageMapFile(pid: pid)
    } catch {
      throw .unreadable(error)
    }
  }

  /// What a twin might do to the process: a filter of system calls may kill it, and a limit of memory may, once the pages
  /// that both share are there twice.
  private borrowing func checkTwinIsSafe() throws(InspectionError) {
    let fields = ThreadStatus.fields(of: pid)
    let headroom: MemoryHeadroom?
    do throws(ProcessError) {
      headroom = try MemoryHeadroom(of: directory)
    } catch {
      throw .unreadable(error)
    }
    func refuse(_ detail: String) -> InspectionError { .noTwin(pid: pid, detail: detail) }
    if let mode = fields["Seccomp"], mode != "0" {
      throw refuse("seccomp filters its system calls")
    }
    if fields["State"]?.first == "T" { throw refuse("a signal has stopped it") }
    if fields["x86_Thread_features"]?.contains("shstk") == true {
      throw refuse("it has a shadow stack")
    }
    let wanted = expectedByteCount + Self.reserve
    guard let headroom, headroom.byteCount < wanted else { return }
    throw refuse(
      "its memory may be needed twice, \(wanted >> 20) MiB more, and "
        + "\(headroom.cgroup.map { "cgroup \($0)" } ?? "the machine") has \(headroom.byteCount >> 20) MiB left"
    )
  }
}

extension StoppedProcess.TwinError {
  /// Without what was attempted.
  fileprivate var sentence: String {
    switch self {
    case .noThread: "none of its threads could make one without being changed by it"
    case .refused:
      "the kernel makes it no further process, as beyond a limit of processes or memory"
    case .late: "the kernel did not make one in time"
    }
  }
}
