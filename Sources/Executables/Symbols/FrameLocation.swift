package import AllocationModel

/// Where the code of one frame lies: a place in a file, or an address outside of all files.
package struct FrameLocation: Sendable {
  /// What `offset` is an address of; nil where it is none.
  package var module: Module?
  /// As in `Frame.module`.
  package var moduleName: String?
  package var buildID: String?
  /// As in `Frame.offset`.
  package var offset: UInt64
  /// Only of code that has no file: what has one is named by its symbols, when it is shown.
  package var function: String?

  package init(
    module: Module? = nil, moduleName: String? = nil, buildID: String? = nil, offset: UInt64,
    function: String? = nil
  ) {
    self.module = module
    self.moduleName = moduleName
    self.buildID = buildID
    self.offset = offset
    self.function = function
  }

  package var frame: Frame {
    Frame(function: function, module: moduleName, buildID: buildID, offset: offset)
  }
}
