import Executables
import TestSupport

/// The table of an ELF file, by way of the file system.
func table(of builder: ELFBuilder) throws -> UnwindTable {
  let file = try TemporaryFile(builder.build())
  return UnwindTable(reading: try ELFFile(opening: file.path))
}

/// An ELF file with 4 KiB of code at 0x1000 and these frames; nothing starts in it.
func elf(_ frames: CallFrameBuilder) -> ELFBuilder {
  var builder = ELFBuilder()
  builder.code = Array(repeating: 0x90, count: 0x1000)
  builder.entry = 0
  if frames.isDebugging {
    builder.debugFrames = frames.bytes
  } else {
    builder.frames = frames.bytes
  }
  builder.framesAddress = frames.address
  return builder
}

/// The table of one function at 0x1000, of 64 bytes if nothing else is said.
func table(
  _ instructions: [UInt8],
  count: UInt64 = 64,
  initially: [UInt8] = CallFrameBuilder.atEntry,
  augmentation: String = "zR"
) throws -> UnwindTable {
  var frames = CallFrameBuilder()
  frames.addCommon(initially, augmentation: augmentation)
  frames.addFunction(at: 0x1000, count: count, instructions)
  return try table(of: elf(frames))
}

extension UnwindTable {
  /// Rules at offsets from 0x1000.
  func rules(at offsets: [UInt64]) -> [UnwindRule] { offsets.map { rule(at: 0x1000 + $0) } }
}

/// CFA = rsp + n with nothing saved.
func rsp(_ offset: Int32, rbp: Int16 = 0, rbx: UInt8 = 0) -> UnwindRule {
  UnwindRule(.rsp, offset: offset, saved: SavedRegisters(rbp: rbp, rbx: rbx))
}
