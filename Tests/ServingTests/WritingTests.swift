import Foundation
import Serving
import TestSupport
import Testing

@Suite struct WritingTests {
  private func entry(_ name: String, _ modified: Double, _ byteCount: Int = 10)
    -> RetentionPlan.Entry
  {
    RetentionPlan.Entry(name: name, byteCount: byteCount, modified: modified)
  }

  @Test func `too many, too old and too large files go, the oldest first to go`() {
    let files = [entry("c", 300), entry("a", 100), entry("d", 400), entry("b", 200)]
    func kept(_ plan: RetentionPlan, now: Double = 400) -> Set<String> {
      Set(files.map(\.name)).subtracting(plan.expired(files, now: now))
    }
    #expect(kept(RetentionPlan(count: 9, age: 1000, byteCount: 1000)) == ["a", "b", "c", "d"])
    #expect(kept(RetentionPlan(count: 2, age: 1000, byteCount: 1000)) == ["c", "d"])
    #expect(kept(RetentionPlan(count: 9, age: 250, byteCount: 1000)) == ["b", "c", "d"])
    #expect(kept(RetentionPlan(count: 9, age: 1000, byteCount: 25)) == ["c", "d"])
    #expect(kept(RetentionPlan(count: 9, age: 1, byteCount: 1), now: 9999) == ["d"])
  }

  @Test func `no large file keeps an older one alive`() {
    let files = [entry("new", 3, 5), entry("large", 2, 500), entry("small", 1, 1)]
    #expect(
      RetentionPlan(count: 9, age: 99, byteCount: 100).expired(files, now: 3) == ["large", "small"])
  }

  @Test func `summaries are written whole, and others' files are left alone`() throws {
    let files = try ScratchDirectory()
    let path = files.path("a/b")
    let folder = SummaryFolder(
      path: path, retention: RetentionPlan(count: 2, age: 1e9, byteCount: 1 << 20))
    for name in ["1.json", "2.json", "3.json", "3.json"] {
      try folder.write("text \(name)", as: name, now: Date.now.timeIntervalSince1970)
      try "mine".write(toFile: path + "/notes.txt", atomically: true, encoding: .utf8)
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        "heaptap-2.json", "heaptap-3.json", "notes.txt",
      ])
    #expect(files.text("a/b/heaptap-3.json") == "text 3.json")
  }

  @Test func `a failure is said once, counted each time, and its end is said`() {
    var complaints = Complaints(["history", "summary"])
    #expect(complaints.failed("history", "no room") == "no room; this is said once")
    #expect(complaints.failed("history", "no room") == nil)
    #expect(complaints.worked("summary") == nil)
    #expect(complaints.counts == ["history": 2, "summary": 0])
    #expect(complaints.worked("history") == "history works again after 2 failures in all")
    #expect(complaints.worked("history") == nil)
    #expect(complaints.failed("history", "no room") != nil)
  }

  @Test func `the unit reads as recorded and systemd is content with it`() async throws {
    let unit = ServiceUnit.text(executable: "/usr/bin/true")
    Golden("heaptap.service").expect(unit)
    let files = try ScratchDirectory()
    try unit.write(toFile: files.path("heaptap.service"), atomically: true, encoding: .utf8)
    let result = try await RunningProgram([
      "systemd-analyze", "verify", "--man=no", files.path("heaptap.service"),
    ]).result()
    #expect(result.end == .status(0))
    #expect(result.output + result.errors == "")
  }
}
