package import LinuxSystem
import Processes
import SystemPackage

/// Stops a process, copies its private memory and lets it go on.
///
/// Before the stop, memory for the copy is got and populated, so that the process waits for the copying only.
package struct ImageCopier: ~Copyable {
  let pid: Int32
  let directory: ProcessDirectory
  let maximumPause: Duration
  private let pages: PageMapFile
  /// By the start of the mapping.
  private let prepared: [UInt64: ReservedMemory]
  /// Bytes that were there to copy before the stop.
  package let expectedByteCount: UInt64

  /// How fast two threads copy at least, bytes a second; 2.7 to 5.0e9 was measured into populated memory.
  private static let copyRate = 2.5e9
  /// Room for a mapping to grow between the preparation and the stop, bytes.
  private static let slack: UInt64 = 1 << 20
  /// How long the preparation may take; the process runs on meanwhile.
  private static let preparationLimit: Duration = .seconds(60)

  /// How long the process will probably stand still.
  package var expectedPause: Duration {
    .milliseconds(1) + .seconds(Double(expectedByteCount) / Self.copyRate)
  }

  /// Looks at the process and prepares; it runs on.
  package init(pid: Int32, maximumPause: Duration) throws(InspectionError) {
    let directory = ProcessDirectory(pid: pid)
    var prepared: [UInt64: ReservedMemory] = [:]
    var expectedByteCount: UInt64 = 0
    let pages: PageMapFile
    do throws(ProcessError) {
      let file = try PageMapFile(pid: pid)
      let deadline = ContinuousClock.now + Self.preparationLimit
      for mapping in try directory.mappings().mappings.joined
      where ImageRegion.wantsCopy(mapping) {
        let range = mapping.start..<mapping.end
        guard let presence = try PagePresence(of: range, in: file, until: deadline) else { break }
        let runs = ImageRegion.wantsOwnPages(mapping) ? presence.own : presence.written
        if runs.isEmpty, mapping.isFile { continue }
        guard let memory = try? ReservedMemory(byteCount: Int(mapping.byteCount + Self.slack))
        else { break }
        for run in runs {
          memory.populate(Int(run.lowerBound - mapping.start)..<Int(run.upperBound - mapping.start))
          expectedByteCount += run.upperBound - run.lowerBound
        }
        prepared[mapping.start] = memory
      }
      pages = file
    } catch {
      throw .unreadable(error)
    }
    self.pid = pid
    self.maximumPause = maximumPause
    self.directory = directory
    self.pages = pages
    self.prepared = prepared
    self.expectedByteCount = expectedByteCount
  }

  /// Takes the image.
  ///
  /// - Parameter countingResidence: whether the kernel is asked, too, how much is resident. That takes it about
  ///   10 ms/GiB of the time in which the process stands still.
  /// - Throws: `InspectionError`; the process goes on in any case.
  package borrowing func copy(
    countingResidence: Bool = false
  ) throws(InspectionError) -> ProcessImage {
    let began = ContinuousClock.now
    let result: Result<(Contents, UInt64?), InspectionError>
    do throws(StopError) {
      result = try StoppedProcess.whileStopped(pid, patience: min(maximumPause, .seconds(2))) {
        (stopped) throws(InspectionError) in
        // Before anything is copied: that brings in pages of files and of swap.
        let residence = countingResidence ? try countResidence() : nil
        return (try contents(of: stopped.threads, until: began + maximumPause), residence)
      }
    } catch {
      throw .unstoppable(pid: pid, error)
    }
    let (taken, residentByteCount) = try result.get()
    return image(of: taken, since: began, residentByteCount)
  }

  /// Takes the image of a process whose threads somebody else holds.
  ///
  /// - Throws: `InspectionError`.
  package borrowing func copy(
    holding threads: [StoppedThread]
  ) throws(InspectionError) -> ProcessImage {
    let began = ContinuousClock.now
    return image(of: try contents(of: threads, until: began + maximumPause), since: began)
  }

  private borrowing func image(
    of taken: Contents, since began: ContinuousClock.Instant, _ residentByteCount: UInt64? = nil
  ) -> ProcessImage {
    image(of: taken, pause: ContinuousClock.now - began, residentByteCount)
  }

  borrowing func image(
    of taken: Contents, pause: Duration, _ residentByteCount: UInt64?
  ) -> ProcessImage {
    ProcessImage(
      pid: pid, regions: taken.regions.sorted { $0.mapping.start < $1.mapping.start },
      threads: taken.threads, pause: pause, unreadablePageCount: taken.unreadablePageCount,
      residentByteCount: residentByteCount)
  }

  /// What is taken of the process at one moment.
  struct Contents {
    var regions: [ImageRegion]
    var threads: [ThreadState]
    var unreadablePageCount: Int
  }

  private borrowing func contents(
    of threads: [StoppedThread], until deadline: ContinuousClock.Instant
  ) throws(InspectionError) -> Contents {
    let (regions, unreadablePageCount) = try regions(
      copying: currentMappings(), from: pid, pages, until: deadline)
    return Contents(
      regions: regions, threads: states(of: threads), unreadablePageCount: unreadablePageCount)
  }

  borrowing func states(of threads: [StoppedThread]) -> [ThreadState] {
    threads.map {
      ThreadState(tid: $0.tid, registers: $0.registers, name: try? directory.threadName($0.tid))
    }
  }

  /// - Parameters:
  ///   - mappings: of the process.
  ///   - source: it, or its twin, with a file about that one's pages.
  borrowing func regions(
    copying mappings: [MemoryMapping], from source: Int32, _ pages: borrowing PageMapFile,
    until deadline: ContinuousClock.Instant
  ) throws(InspectionError) -> ([ImageRegion], unreadablePageCount: Int) {
    var (regions, copying) = try plan(mappings, pages, until: deadline)
    copying.run(pid: source, until: deadline)
    if let failure = copying.failure { throw .unstoppable(pid: pid, failure) }
    guard !copying.isLate else { throw tooLong(copying.copiedByteCount, copying.wantedByteCount) }
    return (regions, copying.unreadablePageCount)
  }

  /// What has to be copied of what is mapped.
  private borrowing func plan(
    _ mappings: [MemoryMapping], _ pages: borrowing PageMapFile,
    until deadline: ContinuousClock.Instant
  ) throws(InspectionError) -> ([ImageRegion], MemoryCopying) {
    var regions: [ImageRegion] = []
    var copying = MemoryCopying()
    for mapping in mappings where !mapping.isKernels {
      let presence = try presence(of: mapping, in: pages, until: deadline)
      var memory: ReservedMemory?
      let wantsOwnPages = ImageRegion.wantsOwnPages(mapping)
      if ImageRegion.wantsCopy(mapping), !wantsOwnPages || !presence.own.isEmpty {
        if let kept = prepared[mapping.start], UInt64(kept.byteCount) >= mapping.byteCount {
          memory = kept
        } else {
          memory = try? ReservedMemory(byteCount: Int(mapping.byteCount))
        }
      }
      if let memory {
        // A file's pages that were not touched yet have contents all the same.
        let runs =
          wantsOwnPages
          ? presence.own : mapping.isFile ? [mapping.start..<mapping.end] : presence.written
        for run in runs {
          copying.add(run, to: memory, mappedAt: mapping.start)
        }
      }
      regions.append(
        ImageRegion(
          mapping: mapping, written: presence.written, resident: presence.resident,
          own: presence.own, memory: memory))
    }
    return (regions, copying)
  }

  borrowing func countResidence() throws(InspectionError) -> UInt64? {
    do throws(ProcessError) {
      return try directory.residentByteCount()
    } catch {
      throw .unreadable(error)
    }
  }

  borrowing func currentMappings() throws(InspectionError) -> [MemoryMapping] {
    do throws(ProcessError) {
      return try directory.mappings().mappings.joined
    } catch {
      throw .unreadable(error)
    }
  }

  private borrowing func presence(
    of mapping: MemoryMapping, in pages: borrowing PageMapFile,
    until deadline: ContinuousClock.Instant
  ) throws(InspectionError) -> PagePresence {
    do throws(ProcessError) {
      if let presence = try PagePresence(
        of: mapping.start..<mapping.end, in: pages, until: deadline)
      {
        return presence
      }
    } catch {
      throw .unreadable(error)
    }
    throw tooLong(0, expectedByteCount)
  }

  private borrowing func tooLong(_ copied: UInt64, _ wanted: UInt64) -> InspectionError {
    .pauseTooLong(pid: pid, limit: maximumPause, copied: copied, wanted: wanted)
  }
}

extension MemoryMapping {
  /// Pages of the kernel's data in every process, which are no part of its memory.
  fileprivate var isKernels: Bool {
    ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(path)
  }
}
