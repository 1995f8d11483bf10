import AllocationModel

/// The instructions by which calls of one function return: where its result can be seen without a return probe.
///
/// An exception that passes a return probe ends its program, as no unwind rule leads past the kernel's trampoline. At a
/// `ret` the stack pointer is what it was at the function's entry, so that the two can be told to belong together.
package struct ReturnPoints: Hashable, Sendable {
  /// Virtual addresses in the module of `ret` instructions, ascending; also of functions that it ends in (tail calls).
  package var addresses: [UInt64]

  package init(addresses: [UInt64]) {
    self.addresses = addresses
  }

  /// Why not all of a function's returns could be found, with a virtual address in the module.
  package enum Obstacle: Hashable, Sendable {
    /// A jump through a register or to where memory says.
    case indirectJump(at: UInt64)
    /// It ends in a function of another file, which is not known to be probed.
    case leavesFile(to: String)
    /// No frame description says where the code around ends.
    case noBoundary(at: UInt64)
    case undecodable(at: UInt64)
    case tooMuchCode
    case tooManyReturns
  }
}

extension ReturnPoints.Obstacle: Error, CustomStringConvertible {
  package var description: String {
    switch self {
    case .indirectJump(let address): "the jump at \(Figure.hexadecimal(address)) may lead anywhere"
    case .leavesFile(let name): "it ends in \(name), which is in another file"
    case .noBoundary(let address):
      "nothing says where the code around \(Figure.hexadecimal(address)) ends"
    case .undecodable(let address): "the bytes at \(Figure.hexadecimal(address)) are no instruction"
    case .tooMuchCode: "it has more than \(ReturnPointFinder.instructionLimit) instructions"
    case .tooManyReturns: "it returns in more than \(ReturnPointFinder.returnLimit) places"
    }
  }
}
