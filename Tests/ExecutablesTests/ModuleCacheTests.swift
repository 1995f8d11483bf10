import Executables
import Foundation
import Processes
import TestSupport
import Testing

@Suite("Module cache")
struct ModuleCacheTests {
  @Test("a file is read once")
  func once() throws {
    let file = try elf(["f"])
    let cache = ModuleCache()
    let first = try cache.module(of: RegularFile(opening: file.path))
    let second = try cache.module(of: RegularFile(opening: file.path))
    #expect(first === second)
    #expect(cache.count == 1)
  }

  @Test("a file that was overwritten in place is read anew")
  func overwritten() throws {
    let file = try elf(["old"])
    let cache = ModuleCache()
    #expect(try name(in: cache, file) == "old")
    var builder = ELFBuilder()
    builder.symbols = [.init("newer", at: 0x1000)]
    try file.write(builder.build())
    #expect(try name(in: cache, file) == "newer")
  }

  @Test("a failure is remembered, also after the bytes behind it are gone")
  func failure() throws {
    let file = try TemporaryFile(Array("no executable".utf8))
    let cache = ModuleCache()
    for _ in 0..<2 {
      #expect(throws: ExecutableError.notELF(path: file.path)) {
        _ = try cache.module(of: RegularFile(opening: file.path))
      }
    }
    #expect(cache.count == 1)
  }

  @Test("what was not used for longest leaves when the bound is passed")
  func eviction() throws {
    let files = try (0..<3).map { try elf(["f\($0)"]) }
    let measure = ModuleCache()
    _ = try name(in: measure, files[0])
    let cache = ModuleCache(byteLimit: measure.byteCount * 2 + measure.byteCount / 2)
    let first = try cache.module(of: RegularFile(opening: files[0].path))
    let second = try cache.module(of: RegularFile(opening: files[1].path))
    _ = try name(in: cache, files[0])
    _ = try name(in: cache, files[2])
    #expect(cache.count == 2)
    #expect(cache.byteCount <= measure.byteCount * 5 / 2)
    #expect(try cache.module(of: RegularFile(opening: files[0].path)) === first)
    #expect(try cache.module(of: RegularFile(opening: files[1].path)) !== second)
    #expect(second.symbols.symbol(at: 0x1000)?.name == "f1")
  }

  @Test("one module larger than the bound is still kept while it is the latest")
  func oversized() throws {
    let file = try elf(["f"])
    let cache = ModuleCache(byteLimit: 1)
    #expect(try name(in: cache, file) == "f")
    #expect(cache.count == 1)
  }

  @Test("symbols are read when a name is asked for, and again after they had to leave")
  func symbolsLater() throws {
    let files = try (0..<2).map { try elf(["f\($0)"]) }
    let cache = ModuleCache(byteLimit: 1)
    let modules = try files.map {
      try cache.module(of: RegularFile(opening: $0.path), path: $0.path)
    }
    let before = cache.byteCount
    #expect(modules[0].symbols.symbol(at: 0x1000)?.name == "f0")
    #expect(cache.byteCount > before)
    #expect(modules[1].symbols.symbol(at: 0x1000)?.name == "f1")
    #expect(modules[0].symbols.symbol(at: 0x1000)?.name == "f0")
  }

  @Test("symbols of a file that has to be closed are kept")
  func closed() throws {
    let files = try (0..<3).map { try elf(["f\($0)"]) }
    let cache = ModuleCache(openFileLimit: 1)
    let modules = try files.map {
      try cache.module(of: RegularFile(opening: $0.path), path: $0.path)
    }
    for file in files { try file.write(Array("something else".utf8)) }
    #expect(modules[0].symbols.symbol(at: 0x1000)?.name == "f0")
    #expect(modules[1].symbols.symbol(at: 0x1000)?.name == "f1")
    #expect(modules[2].symbols.isEmpty, "was open still, but is another file now")
  }

  private func elf(_ names: [String]) throws -> TemporaryFile {
    var builder = ELFBuilder()
    builder.symbols = names.map { .init($0, at: 0x1000) }
    return try TemporaryFile(builder.build())
  }

  private func name(in cache: ModuleCache, _ file: TemporaryFile) throws -> String? {
    try cache.module(of: RegularFile(opening: file.path)).symbols.symbol(at: 0x1000)?.name
  }
}
