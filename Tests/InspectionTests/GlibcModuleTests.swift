import Testing

@testable import Inspection

@Suite struct GlibcModuleTests {
  @Test(arguments: [
    ("GNU C Library (Debian GLIBC 2.36-9+deb12u7) stable release version 2.36.\n", 36),
    ("GNU C Library (Ubuntu GLIBC 2.31-0ubuntu9.14) stable release version 2.31.\n", 31),
    ("GNU C Library (GNU libc) development release version 2.42.9000.\n", 42),
  ])
  func `the banner tells the version`(banner: String, minor: Int) {
    let file = Array("\u{7f}ELF…\0".utf8) + Array(banner.utf8) + [0, 1, 2]
    #expect(GlibcModule.version(in: file) == GlibcLayout.Version(2, minor))
  }

  @Test(arguments: ["", "GNU C Library ", "GNU C Library of nothing", "release version 2.36"])
  func `a file without it has no version`(text: String) {
    #expect(GlibcModule.version(in: Array(text.utf8)) == nil)
  }

  @Test func `versions outside of those that are known have no layout`() {
    #expect(GlibcLayout(.init(2, 25)) == nil)
    #expect(GlibcLayout(.init(2, 44)) == nil)
    #expect(GlibcLayout(.init(2, 36))?.arenaByteCount == 2200)
  }
}
