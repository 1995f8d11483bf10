import Glibc
import LinuxSystem
import Processes

extension UnwindTable {
  /// The table of the code that the kernel maps into every process; empty where there is none.
  ///
  /// That code is in no file, but in this process's memory too. Its first byte has virtual address 0.
  package static func ofVDSO() -> UnwindTable {
    guard let maps = try? ProcessDirectory(pid: getpid()).mappings(),
      let mapping = maps.mappings.first(where: { $0.path == "[vdso]" }),
      let start = UnsafeRawPointer(bitPattern: UInt(mapping.start))
    else { return .empty }
    let image = UnsafeRawBufferPointer(start: start, count: Int(mapping.end - mapping.start))
    guard let file = try? MemoryFile(image.bytes) else { return .empty }
    return reading(file)
  }

  private static func reading(_ file: borrowing MemoryFile) -> UnwindTable {
    do throws(ExecutableError) {
      return UnwindTable(reading: try ELFFile(opening: file.path))
    } catch {
      return .empty
    }
  }
}
