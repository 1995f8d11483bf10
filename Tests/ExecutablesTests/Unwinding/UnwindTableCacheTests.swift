import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("Unwind table cache")
struct UnwindTableCacheTests {
  private let scratch: ScratchDirectory
  private let store: UnwindTableStore
  private var folder: String { scratch.path("cache/unwind") }

  init() throws {
    scratch = try ScratchDirectory()
    store = UnwindTableStore(folder: scratch.path("cache/unwind"))
  }

  @Test("a file is compiled once, and anew when it was overwritten")
  func memory() throws {
    let file = try executable(offset: 16)
    let cache = UnwindTableCache()
    #expect(try rule(of: file, in: cache) == rsp(16))
    #expect(try rule(of: file, in: cache) == rsp(16))
    #expect(cache.count == 1)
    try file.write(executableBytes(offset: 24, codeByteCount: 0x2000))
    #expect(try rule(of: file, in: cache) == rsp(24))
  }

  @Test("a failure is remembered")
  func failure() throws {
    let file = try TemporaryFile(Array("no executable".utf8))
    let cache = UnwindTableCache()
    for _ in 0..<2 {
      #expect(throws: ExecutableError.notELF(path: file.path)) { try rule(of: file, in: cache) }
    }
    #expect(cache.count == 1)
  }

  @Test("memory is bounded, and the latest table stays")
  func bound() throws {
    let cache = UnwindTableCache(byteLimit: 1)
    let first = try executable(offset: 16)
    let second = try executable(offset: 24)
    #expect(try rule(of: first, in: cache) == rsp(16))
    #expect(try rule(of: second, in: cache) == rsp(24))
    #expect(cache.count == 1)
    #expect(cache.byteCount > 128 && cache.byteCount < 1024)
  }

  @Test("a table that took long survives the process")
  func saved() throws {
    try save(offset: 16)
    #expect(try savedNames() == ["\(Self.buildID)-\(byteCount)"])
    // The same build id, the same size, and other rules, so that it shows where a table came from.
    let other = try executable(offset: 24)
    #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(16))
  }

  @Test("a table that was made quickly does not")
  func quick() throws {
    let cache = UnwindTableCache(store: store, savedAfter: .seconds(100))
    #expect(try rule(of: executable(offset: 16), in: cache) == rsp(16))
    #expect(try savedNames() == [])
  }

  @Test("neither does one of a file without build id, or that others can write to")
  func notSaved() throws {
    let cache = UnwindTableCache(store: store, savedAfter: .zero)
    let nameless = try executable(offset: 16, buildID: [])
    #expect(try rule(of: nameless, in: cache) == rsp(16))
    let open = try executable(offset: 16)
    chmod(open.path, 0o666)
    #expect(try rule(of: open, in: cache) == rsp(16))
    #expect(try savedNames() == [])
    try save(offset: 24)
    #expect(try rule(of: open, in: UnwindTableCache(store: store)) == rsp(16))
  }

  @Test("a table of a file of another size is not taken")
  func otherSize() throws {
    try save(offset: 16)
    let stripped = try executable(offset: 24, codeByteCount: 0x2000)
    #expect(try rule(of: stripped, in: UnwindTableCache(store: store)) == rsp(24))
  }

  @Test("any change of any byte of a saved table is noticed, and the table is made anew")
  func damaged() throws {
    try save(offset: 16)
    let path = "\(folder)/\(try #require(try savedNames().first))"
    let saved = [UInt8](try #require(FileManager.default.contents(atPath: path)))
    let other = try executable(offset: 24)
    for index in saved.indices {
      var bytes = saved
      bytes[index] ^= 0x10
      try Data(bytes).write(to: URL(filePath: path))
      #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(24), "byte \(index)")
    }
    for count in [0, 1, 4, 39, saved.count - 64, saved.count - 1] {
      try Data(saved.prefix(count)).write(to: URL(filePath: path))
      #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(24), "\(count) bytes")
    }
    let cache = UnwindTableCache(store: store, savedAfter: .zero)
    #expect(try rule(of: other, in: cache) == rsp(24))
    #expect(try rule(of: executable(offset: 32), in: UnwindTableCache(store: store)) == rsp(24))
  }

  @Test("what others may write to is not believed")
  func permissions() throws {
    try save(offset: 16)
    let name = try #require(try savedNames().first)
    let other = try executable(offset: 24)
    for (path, mode, wrong) in [
      (folder, 0o700, 0o777), (folder, 0o700, 0o770), ("\(folder)/\(name)", 0o600, 0o622),
    ] as [(String, mode_t, mode_t)] {
      chmod(path, wrong)
      #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(24))
      chmod(path, mode)
      #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(16))
    }
  }

  @Test("a folder of another user is not used", .enabled(if: geteuid() == 0, "needs root"))
  func otherOwner() throws {
    try save(offset: 16)
    let other = try executable(offset: 24)
    chown(folder, 65534, 65534)
    let cache = UnwindTableCache(store: store, savedAfter: .zero)
    #expect(try rule(of: other, in: cache) == rsp(24))
    chown(folder, 0, 0)
    #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(16))
  }

  @Test("links are not followed")
  func links() throws {
    try save(offset: 16)
    let path = "\(folder)/\(try #require(try savedNames().first))"
    rename(path, scratch.path("elsewhere"))
    symlink(scratch.path("elsewhere"), path)
    let other = try executable(offset: 24)
    #expect(try rule(of: other, in: UnwindTableCache(store: store)) == rsp(24))
    let linked = scratch.path("linked")
    symlink(folder, linked)
    let cache = UnwindTableCache(store: UnwindTableStore(folder: linked), savedAfter: .zero)
    #expect(try rule(of: executable(offset: 32), in: cache) == rsp(32))
  }

  @Test("a folder that can't be made costs nothing but time")
  func noFolder() throws {
    let file = try executable(offset: 16)
    for folder in ["/proc/none", "\(file.path)/unwind", ""] {
      let cache = UnwindTableCache(store: UnwindTableStore(folder: folder), savedAfter: .zero)
      #expect(try rule(of: file, in: cache) == rsp(16))
    }
  }

  @Test("the oldest tables leave when the folder is full")
  func fullFolder() throws {
    try save(offset: 16)
    let size = try #require(
      FileManager.default.attributesOfItem(atPath: "\(folder)/\(savedNames()[0])")[.size] as? Int)
    let small = UnwindTableStore(folder: folder, byteLimit: size * 2 + size / 2)
    for id in UInt8(1)...4 {
      let cache = UnwindTableCache(store: small, savedAfter: .zero)
      _ = try rule(of: executable(offset: 16, buildID: [id]), in: cache)
      usleep(20_000)
    }
    #expect(try savedNames().map { $0.prefix(2) } == ["03", "04"])
    let tiny = UnwindTableStore(folder: scratch.path("tiny"), byteLimit: size - 1)
    _ = try rule(of: executable(offset: 16), in: UnwindTableCache(store: tiny, savedAfter: .zero))
    #expect(!FileManager.default.fileExists(atPath: scratch.path("tiny")))
  }

  @Test("many threads that save and read the same table always get it right")
  func concurrent() async throws {
    let file = try executable(offset: 16)
    let path = file.path
    let store = store
    try await withThrowingTaskGroup(of: UnwindRule.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var rule = UnwindRule.none
          for _ in 0..<50 {
            let cache = UnwindTableCache(store: store, savedAfter: .zero)
            rule = try cache.table(of: RegularFile(opening: path)).rule(at: 0x1000)
            guard rule == UnwindRule(.rsp, offset: 16) else { return rule }
          }
          return rule
        }
      }
      for try await rule in group { #expect(rule == rsp(16)) }
    }
    #expect(try savedNames().count == 1)
    #expect(try rule(of: executable(offset: 24), in: UnwindTableCache(store: store)) == rsp(16))
    withExtendedLifetime(file) {}
  }

  @Test("root's tables are apart from a user's, whose cache is where the specification says")
  func standardFolder() {
    let folder = { UnwindTableStore.standardFolder(environment: $0, isRoot: $1) }
    #expect(folder(["HOME": "/root", "XDG_CACHE_HOME": "/x"], true) == "/var/cache/heaptap/unwind")
    #expect(folder(["HOME": "/h", "XDG_CACHE_HOME": "/x"], false) == "/x/heaptap/unwind")
    #expect(folder(["HOME": "/h", "XDG_CACHE_HOME": "x"], false) == "/h/.cache/heaptap/unwind")
    #expect(folder(["HOME": "/h"], false) == "/h/.cache/heaptap/unwind")
    #expect(folder([:], false) == nil)
  }

  private static let buildID = "0a0b0c"
  private var byteCount: Int { executableBytes(offset: 16).count }

  private func executableBytes(
    offset: UInt8,
    buildID: [UInt8] = [0x0a, 0x0b, 0x0c],
    codeByteCount: Int = 0x1000
  ) -> [UInt8] {
    var frames = CallFrameBuilder()
    frames.addCommon()
    frames.addFunction(at: 0x1000, count: 32, [0x0e, offset])
    var builder = elf(frames)
    builder.buildID = buildID
    builder.code = Array(repeating: 0x90, count: codeByteCount)
    return builder.build()
  }

  private func executable(
    offset: UInt8,
    buildID: [UInt8] = [0x0a, 0x0b, 0x0c],
    codeByteCount: Int = 0x1000
  ) throws -> TemporaryFile {
    try TemporaryFile(
      executableBytes(offset: offset, buildID: buildID, codeByteCount: codeByteCount))
  }

  private func save(offset: UInt8) throws {
    let cache = UnwindTableCache(store: store, savedAfter: .zero)
    #expect(try rule(of: executable(offset: offset), in: cache) == rsp(Int32(offset)))
  }

  private func savedNames() throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @discardableResult
  private func rule(of file: TemporaryFile, in cache: UnwindTableCache) throws -> UnwindRule {
    try cache.table(of: RegularFile(opening: file.path)).rule(at: 0x1000)
  }
}
