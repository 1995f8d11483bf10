import AllocationModel
import Testing

@Suite struct SuppressionListTests {
  @Test(arguments: [
    ("make", "cmake_init", true), ("^make", "cmake_init", false), ("init$", "cmake_init", true),
    ("cmake$", "cmake_init", false), ("^cmake_init$", "cmake_init", true),
    ("^cmake$", "cmake_init", false), ("c*_in", "cmake_init", true), ("a*c", "abd", false),
    ("^a*a$", "a", false), ("^a*a$", "aba", true), ("*", "", true), ("ab*ab$", "abab", true),
    ("^ab*ab$", "ab", false), ("x**y", "xay", true), ("^", "anything", true), ("$", "x", true),
    ("a.b", "axb", false), ("é*", "café", true),
    ("operator new(*)", "operator new(unsigned)", true),
  ])
  func `a pattern matches as LeakSanitizer's does`(pattern: String, name: String, matches: Bool) {
    #expect(SuppressionList.Pattern(pattern).matches(name) == matches)
  }

  @Test func `any frame's function, module or file may match, and the first pattern counts`() throws
  {
    let list = try SuppressionList(
      parsing: """
        # known leaks
          leak:^libssl.so

        leak:session.c$\r
        leak:main
        """)
    let stack = [
      Frame(function: "strdup", module: "app", offset: 1),
      Frame(function: "main", module: "app", offset: 2, file: "src/session.c"),
    ]
    #expect(list.patterns.map(\.text) == ["^libssl.so", "session.c$", "main"])
    #expect(list.index(matching: stack) == 1)
    #expect(list.index(matching: [Frame(module: "libssl.so.3", offset: 1)]) == 0)
    #expect(list.index(matching: [Frame(offset: 1)]) == nil)
    #expect(list.index(matching: []) == nil)
    #expect(list.index(matching: [], type: "main::Session") == 2)
  }

  @Test(arguments: [
    ("leak:a\n\nmain", "line 3: \"main\" is not of the form leak:PATTERN"),
    ("race:a", "line 1: \"race\" can't be suppressed, only leak can"),
    ("leak: ", "line 1: leak: has no pattern, which would match all"),
  ])
  func `a line that says nothing of use is an error with its number`(text: String, error: String) {
    do throws(SuppressionList.ParsingError) {
      _ = try SuppressionList(parsing: text)
      Issue.record("no error")
    } catch let problem {
      #expect(problem.description == error)
    }
  }
}
