import Executables
import Foundation
import ProbeABI
import Processes
import TestSupport
import Testing

@testable import AllocationProbes

/// What would be probed in this very process. Nothing is.
@Suite struct AllocatorFinderTests {
  @Test func `this process's libc is an allocator`() throws {
    let libc = try findLibc()
    let names = Set(libc.probes.map(\.function.name))
    #expect(libc.refusals.isEmpty)
    #expect(
      names.isSuperset(of: [
        "malloc", "calloc", "realloc", "free", "posix_memalign", "mmap", "munmap", "mremap",
        "brk", "sbrk",
      ]))
  }

  @Test func `names for one address get one probe`() throws {
    let libc = try findLibc()
    #expect(Set(libc.probes.map(\.fileOffset)).count == libc.probes.count)
    #expect(Set(libc.probes.map(\.point.address)).count == libc.probes.count)
  }

  @Test func `each probe lies on the instruction that was chosen`() throws {
    let libc = try findLibc()
    let file = try #require(fopen(libc.held.path, "r"))
    defer { fclose(file) }
    for probe in libc.probes {
      var found = [UInt8](repeating: 0, count: probe.point.entryBytes.count)
      let entry = Int(probe.fileOffset) - probe.point.offset
      #expect(fseek(file, entry, SEEK_SET) == 0)
      #expect(fread(&found, 1, found.count, file) == found.count)
      #expect(found == probe.point.entryBytes, "\(probe.function.name)")
    }
  }

  @Test func `a held file is there without its name and without the process that it was found in`()
    throws
  {
    let folder = try ScratchDirectory()
    try "as it was".write(toFile: folder.path("file"), atomically: true, encoding: .utf8)
    let held = try HeldFile(RegularFile(opening: folder.path("file")))
    #expect(unlink(folder.path("file")) == 0)
    try "another".write(toFile: folder.path("file"), atomically: true, encoding: .utf8)
    #expect(try String(contentsOfFile: held.path, encoding: .utf8) == "as it was")
    #expect(try !findLibc().held.path.contains("/\(getpid())/"))
  }

  @Test func `a file is found once`() throws {
    var finder = AllocatorFinder(profile: .documented)
    let directory = ProcessDirectory(pid: getpid())
    let files = try finder.newFiles(in: directory).allocators
    #expect(Set(files.map(\.identity)).count == files.count)
    #expect(try finder.newFiles(in: directory).isEmpty)
  }

  @Test func `the finder's own executable is left out`() throws {
    let own = try RegularFile(opening: "/proc/self/exe").identity
    var finder = AllocatorFinder(profile: .documented)
    let files = try finder.newFiles(in: ProcessDirectory(pid: getpid()))
    #expect(!files.allocators.contains { $0.identity == own })
  }

  @Test func `runtimes that throw are probed only where exceptions may leave a call`() throws {
    var finder = AllocatorFinder(profile: .documented)
    let files = try finder.newFiles(in: ProcessDirectory(pid: getpid()))
    #expect(!files.allocators.contains { $0.mayThrow })
    #expect(files.exceptions.isEmpty)
  }

  @Test func `a process that is gone is an error`() {
    var finder = AllocatorFinder(profile: .documented)
    #expect(throws: ProcessError.self) {
      _ = try finder.newFiles(in: ProcessDirectory(pid: .max))
    }
  }

  private func findLibc() throws -> AllocatorFile {
    var finder = AllocatorFinder(profile: .documented)
    let files = try finder.newFiles(in: ProcessDirectory(pid: getpid())).allocators
    return try #require(files.first { $0.name.contains("/libc.so") || $0.name.contains("/libc-") })
  }
}
