import AllocationModel
import Foundation

/// A frame of a stack as the history keeps it, in JSON.
struct StoredFrame: Codable {
  var function: String?
  var module: String?
  var buildID: String?
  var offset: UInt64
  var file: String?
  var line: Int?
  var inlined: Bool?
  var kind: String

  init(_ frame: Frame) {
    function = frame.function
    module = frame.module
    buildID = frame.buildID
    offset = frame.offset
    file = frame.file
    line = frame.line
    inlined = frame.isInlined ? true : nil
    kind = frame.kind.rawValue
  }

  var frame: Frame {
    Frame(
      function: function, module: module, buildID: buildID, offset: offset, file: file, line: line,
      isInlined: inlined ?? false, kind: Frame.Kind(rawValue: kind) ?? .native)
  }

  static func encode(_ stack: [Frame]) throws -> String {
    String(decoding: try JSONEncoder().encode(stack.map(StoredFrame.init)), as: UTF8.self)
  }

  static func decode(_ text: String) throws -> [Frame] {
    try JSONDecoder().decode([StoredFrame].self, from: Data(text.utf8)).map(\.frame)
  }
}
