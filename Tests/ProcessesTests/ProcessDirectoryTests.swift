import AllocationModel
import Foundation
import TestSupport
import Testing

@testable import Processes

@Suite("Reading processes")
struct ProcessDirectoryTests {
  let own = ProcessDirectory(pid: getpid())

  @Test("this process is found, with its memory and threads")
  func thisProcess() throws {
    let status = try own.status()
    #expect(status.identity == (try own.identity()))
    #expect(status.identity.pid == getpid())
    #expect(status.threadGroup == getpid())
    #expect(status.parent == getppid())
    #expect(status.session == getsid(0))
    #expect(try #require(status.residentBytes) > 1 << 20)
    #expect(try #require(status.residentAnonymousBytes) > 0)
    #expect(try own.threads().contains(getpid()))
    #expect(try own.executablePath()?.hasPrefix("/") == true)
    #expect(try !own.commandLine().isEmpty)
    #expect(try ProcessDirectory.allPids().contains(getpid()))
  }

  @Test("its mappings are all understood")
  func mappings() throws {
    let text = try own.mappings()
    #expect(text.malformedLineCount == 0)
    #expect(text.mappings.contains { $0.path == "[stack]" })
    let libc = try #require(text.mappings.first { $0.path?.contains("libc.so") == true })
    #expect(libc.isFile)
  }

  @Test("a process that is gone is told from one that may not be read")
  func gone() throws {
    let child = Process()
    child.executableURL = URL(filePath: "/bin/true")
    try child.run()
    let pid = child.processIdentifier
    child.waitUntilExit()
    let gone = ProcessDirectory(pid: pid)
    #expect(throws: ProcessError(action: "open /proc/\(pid)/stat", reason: .vanished)) {
      _ = try gone.status()
    }
    #expect(throws: ProcessError.self) { _ = try gone.executablePath() }
    #expect(ProcessError.Reason(errno: EACCES) == .notPermitted)
    #expect(ProcessError.Reason(errno: EPERM) == .notPermitted)
    #expect(ProcessError.Reason(errno: ESRCH) == .vanished)
    #expect(ProcessError.Reason(errno: EIO) == .system(EIO))
  }

  @Test("a mapped file is read after it was deleted, and its successor is not mistaken for it")
  func deletedFile() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "heaptap-mapped-\(getpid())").path
    try Data(repeating: 0x41, count: 8192).write(to: URL(filePath: path))
    let descriptor = open(path, O_RDONLY)
    let address = mmap(nil, 8192, PROT_READ, MAP_PRIVATE, descriptor, 0)
    defer {
      munmap(address, 8192)
      close(descriptor)
      unlink(path)
    }
    let start = UInt64(UInt(bitPattern: address))
    #expect(try firstByte(at: start) == 0x41)

    unlink(path)
    try Data(repeating: 0x42, count: 8192).write(to: URL(filePath: path))
    let mapping = try mapping(at: start)
    #expect(mapping.isDeleted)
    // Without the capability for map_files the deleted file can't be reached; then it must be an error.
    if geteuid() == 0 {
      #expect(try firstByte(at: start) == 0x41)
    } else {
      #expect(throws: ProcessError.self) { _ = try firstByte(at: start) }
    }
    var impostor = mapping
    impostor.start = 0x1000
    impostor.end = 0x2000
    impostor.isDeleted = false
    #expect(throws: ProcessError(action: "open /proc/\(getpid())/root\(path)", reason: .replaced)) {
      _ = try own.openFile(of: impostor)
    }
  }

  @Test("a file that has been mapped in its place since is not taken for the one that was")
  func supplanted() throws {
    let folder = FileManager.default.temporaryDirectory
    let paths = ["first", "second"].map {
      folder.appending(path: "heaptap-\($0)-\(getpid())").path
    }
    var listed: MemoryMapping?
    var address: UnsafeMutableRawPointer?
    for (path, byte) in zip(paths, [0x41, 0x42] as [UInt8]) {
      try Data(repeating: byte, count: 8192).write(to: URL(filePath: path))
      let descriptor = open(path, O_RDONLY)
      defer { close(descriptor) }
      let isFirst = address == nil
      address = mmap(
        address, 8192, PROT_READ, MAP_PRIVATE | (isFirst ? 0 : MAP_FIXED), descriptor, 0)
      if isFirst { listed = try mapping(at: UInt64(UInt(bitPattern: address))) }
    }
    defer {
      munmap(address, 8192)
      for path in paths { unlink(path) }
    }
    #expect(try firstByte(at: UInt64(UInt(bitPattern: address))) == 0x42)
    #expect(try own.openFile(of: #require(listed)).read(at: 0, count: 1).first == 0x41)
  }

  @Test("without map_files the path serves, if it is the same file")
  func fallback() throws {
    var libc = try #require(
      try own.mappings().mappings.first { $0.path?.contains("libc.so") == true }
    )
    // No such mapping, so map_files has no such entry.
    libc.start = 0x1000
    libc.end = 0x2000
    let file = try own.openFile(of: libc)
    #expect(file.identity.inode == libc.inode)
    #expect(try file.read(at: 0, count: 4) == [0x7f, 0x45, 0x4c, 0x46])
  }

  @Test("reads stop at the end of the file, and only regular files are opened")
  func regularFile() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "heaptap-short-\(getpid())").path
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    defer { unlink(path) }
    let file = try RegularFile(opening: path)
    #expect(try file.read(at: 1, count: 100) == [2, 3])
    #expect(try file.read(at: 3, count: 1) == [])
    #expect(try file.read(at: .max, count: 1) == [])
    #expect(throws: ProcessError(action: "read /dev/null", reason: .notAFile)) {
      _ = try RegularFile(opening: "/dev/null")
    }
    #expect(throws: ProcessError(action: "read /tmp", reason: .notAFile)) {
      _ = try RegularFile(opening: "/tmp")
    }
  }

  private func mapping(at start: UInt64) throws -> MemoryMapping {
    try #require(try own.mappings().mappings.first { $0.contains(start) })
  }

  private func firstByte(at start: UInt64) throws -> UInt8? {
    try own.openFile(of: mapping(at: start)).read(at: 0, count: 1).first
  }

  @Test("its user and its id in its own namespace are known")
  func ownership() throws {
    let own = try ProcessDirectory(pid: getpid()).ownership()
    #expect(own.user == geteuid())
    #expect(own.namespacePid == getpid())
  }

  @Test(
    "a process in another mount namespace has a root of its own",
    .enabled(if: geteuid() == 0, "unshare(1) needs root"))
  func otherRoot() async throws {
    #expect(!ProcessDirectory(pid: getpid()).hasOwnRoot)
    let child = try RunningProgram(["unshare", "--mount", "sh", "-c", "echo ready; sleep 600"])
    try await child.waitForOutput { $0.contains("ready") }
    #expect(ProcessDirectory(pid: child.pid).hasOwnRoot)
  }
}
