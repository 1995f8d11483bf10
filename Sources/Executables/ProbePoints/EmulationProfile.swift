/// Which instructions the running kernel emulates under a uprobe, and what one hit costs.
///
/// An emulated instruction costs one trap; any other costs a trap, an out-of-line single step and a
/// second trap. What is emulated is a property of the kernel and is measured, not taken from a version.
package struct EmulationProfile: Hashable, Sendable {
  package var emulated: Set<InstructionClass>
  /// Nanoseconds for one hit of an empty probe, > 0; classes that were not measured are absent.
  package var nanosecondsByClass: [InstructionClass: Double]

  package init(
    emulated: Set<InstructionClass>,
    nanosecondsByClass: [InstructionClass: Double] = [:]
  ) {
    self.emulated = emulated
    self.nanosecondsByClass = nanosecondsByClass
  }

  /// What `arch/x86/kernel/uprobes.c` emulates as written, for when nothing could be measured.
  ///
  /// Taken from the 6.18 sources: x86 pushes (commit e7ed9d9bd037), relative branches and calls, nops.
  package static let documented = EmulationProfile(
    emulated: [
      .push, .pushExtended, .jumpShort, .jumpNear, .branchShort, .branchNear, .call, .nop,
    ])

  /// Whether a probe on this class costs one trap only.
  ///
  /// `other` is not one form, so no measurement of it carries over to the next instruction.
  package func emulates(_ instructionClass: InstructionClass) -> Bool {
    instructionClass != .other && emulated.contains(instructionClass)
  }
}
