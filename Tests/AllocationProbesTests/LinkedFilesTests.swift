import TestSupport
import Testing

@testable import AllocationProbes

/// Which files stay mapped as long as their process does. Files are numbers here.
@Suite struct LinkedFilesTests {
  @Test func `a program keeps what it was linked with, directly or not`() {
    var files = LinkedFiles<Int>()
    files.add(1, path: "/usr/bin/program", ownName: nil, needed: ["libfoo.so.1", "libc.so.6"])
    files.add(2, path: "/lib/libfoo.so.1.2.3", ownName: "libfoo.so.1", needed: ["libbar.so"])
    files.add(3, path: "/lib/libbar.so", ownName: nil, needed: ["libc.so.6"])
    files.add(4, path: "/lib/libc.so.6", ownName: "libc.so.6", needed: ["ld.so"])
    files.add(5, path: "/lib/ld.so", ownName: "ld.so", needed: [])
    files.add(6, path: "/lib/plugin.so", ownName: nil, needed: ["libonly.so", "libc.so.6"])
    files.add(7, path: "/lib/libonly.so", ownName: nil, needed: [])
    #expect(files.closure(of: [1]) == [1, 2, 3, 4, 5])
    #expect(files.closure(of: [6]) == [4, 5, 6, 7])
    #expect(files.closure(of: [2, 7]) == [2, 3, 4, 5, 7])
    #expect(files.closure(of: []) == [])
  }

  @Test func `a file goes by the last part of its path and by its own name`() {
    var files = LinkedFiles<Int>()
    files.add(1, path: "/lib64/ld-2.41.so", ownName: "ld-linux.so.2", needed: [])
    files.add(2, path: nil, ownName: "libmemory.so", needed: [])
    files.add(3, path: "/", ownName: nil, needed: [])
    #expect(files.file(named: "/lib64/ld-linux.so.2") == 1)
    #expect(files.file(named: "ld-2.41.so") == 1)
    #expect(files.file(named: "libmemory.so") == 2)
    #expect(files.file(named: "/") == nil)
    #expect(files.file(named: "lib64") == nil)
  }

  @Test func `segments of one file are that file`() {
    var files = LinkedFiles<Int>()
    for _ in 0..<3 { files.add(1, path: "/lib/liba.so", ownName: "liba.so", needed: ["libb.so"]) }
    files.add(2, path: "/lib/libb.so", ownName: nil, needed: [])
    #expect(files.file(named: "liba.so") == 1)
    #expect(files.closure(of: [1]) == [1, 2])
  }

  @Test func `of two files of one name none is taken for kept`() {
    var files = LinkedFiles<Int>()
    files.add(1, path: "/usr/bin/program", ownName: nil, needed: ["libfoo.so.1"])
    files.add(2, path: "/lib/libfoo.so.1", ownName: nil, needed: [])
    files.add(3, path: "/plugins/another.so", ownName: "libfoo.so.1", needed: [])
    #expect(files.closure(of: [1]) == [1])
  }

  @Test func `needed files that are not mapped, and circles, do no harm`() {
    var files = LinkedFiles<Int>()
    files.add(1, path: "/lib/a", ownName: nil, needed: ["b", "gone", "a"])
    files.add(2, path: "/lib/b", ownName: nil, needed: ["a"])
    #expect(files.closure(of: [1]) == [1, 2])
    #expect(files.closure(of: [9]) == [9])
  }

  @Test func `the closure is the smallest set that has all that its files need`() {
    var generator = SeededGenerator(seed: 17)
    for _ in 0..<200 {
      let count = Int.random(in: 1...12, using: &generator)
      let needed = (0..<count).map { _ in
        (0..<count).filter { _ in Int.random(in: 0..<6, using: &generator) == 0 }
      }
      var files = LinkedFiles<Int>()
      for file in 0..<count {
        files.add(file, path: "/lib/\(file)", ownName: nil, needed: needed[file].map(String.init))
      }
      let root = Int.random(in: 0..<count, using: &generator)
      // As many rounds as there are files reach everything.
      var reached: Set = [root]
      for _ in 0..<count { reached.formUnion(reached.flatMap { needed[$0] }) }
      #expect(files.closure(of: [root]) == reached)
    }
  }
}
