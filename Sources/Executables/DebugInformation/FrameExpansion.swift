package import AllocationModel

extension Frame {
  /// The frame with what debug information knows of its address, after the calls merged into it, innermost first.
  package func expanded(_ calls: [SourceCall]) -> [Frame] {
    guard let physical = calls.last else { return [self] }
    let inlined = calls.dropLast().map { call in
      Frame(
        function: call.function, module: module, buildID: buildID, offset: offset, file: call.file,
        line: call.line, isInlined: true, kind: kind)
    }
    var frame = self
    frame.function = physical.function ?? function
    frame.file = physical.file
    frame.line = physical.line
    return inlined + [frame]
  }
}
