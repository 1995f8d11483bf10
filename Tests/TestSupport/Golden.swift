import Foundation
package import Testing

/// A recorded text that output must equal, in the folder `Goldens` beside the test.
package struct Golden {
  private let path: String

  /// `name` is the file's name with its extension.
  package init(_ name: String, testFile: String = #filePath) {
    path =
      URL(filePath: testFile).deletingLastPathComponent()
      .appending(path: "Goldens").appending(path: name).path
  }

  /// Fails the test if `text` differs from the record.
  ///
  /// A missing record, or any with RECORD_GOLDENS=1, is written and fails the test too: a record is
  /// right only after somebody has read it.
  package func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let isRecording = ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1"
    let recorded = try? String(contentsOfFile: path, encoding: .utf8)
    guard let recorded, !isRecording else {
      do {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        Issue.record("recorded \(path): read it, then run again", sourceLocation: sourceLocation)
      } catch {
        Issue.record("cannot record \(path): \(error)", sourceLocation: sourceLocation)
      }
      return
    }
    #expect(text == recorded, "differs from \(path)", sourceLocation: sourceLocation)
  }
}
