/// One executable mapping of a process, with what the kernel programs need to know of it.
package struct CodeRegion: Hashable, Sendable {
  /// How frames of code there are unwound.
  package enum Unwinding: Hashable, Sendable {
    /// By a table of `ProbeSession.loadTable`. `base` is the address at which the table's first page is mapped; it may
    /// lie outside of the region, and wrap around.
    case table(UnwindTableSlot, base: UInt64)
    /// {saved rbp, return address} at rbp: code that was made at run time, mostly.
    case framePointers
    /// Not at all: walks end there.
    case none
  }

  /// First address, and the one behind the last.
  package var start: UInt64
  package var end: UInt64
  package var unwinding: Unwinding
  /// The mapping stays as long as the process does, whatever libraries are closed.
  package var isPermanent: Bool

  package init(start: UInt64, end: UInt64, unwinding: Unwinding, isPermanent: Bool) {
    self.start = start
    self.end = end
    self.unwinding = unwinding
    self.isPermanent = isPermanent
  }
}

/// The number of a loaded unwind table: its place in the map `unwind_tables`.
package struct UnwindTableSlot: Hashable, Sendable {
  package var rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
}
