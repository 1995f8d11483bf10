import Glibc
import LinuxSystem
package import SystemPackage

/// Records the executable mappings that all processes of this machine make, in the order in which they make them.
package final class MappingRecorder {
  private var rings: [Ring] = []
  /// Records that found no room, ever. Then mappings have to be read anew.
  package private(set) var lostCount: UInt64 = 0

  /// Arrays can't hold values with one owner.
  private final class Ring {
    var ring: PerfRing
    init(_ ring: consuming PerfRing) { self.ring = ring }
  }

  /// Begins to record, on every CPU that is online.
  ///
  /// - Throws: `Errno`, if this user may not or the kernel can't.
  package init() throws(Errno) {
    for cpu in 0..<Int32(sysconf(Int32(_SC_NPROCESSORS_CONF))) {
      do throws(Errno) {
        rings.append(Ring(try PerfRing.mappingEvents(cpu: cpu)))
      } catch {
        // A CPU that is offline can't be recorded, and runs nothing.
        guard error.rawValue == ENODEV || error.rawValue == ENXIO else { throw error }
      }
    }
  }

  /// Each is readable when records should be taken soon.
  package var descriptors: [Int32] { rings.map { $0.ring.rawDescriptor } }

  /// All records since the last call, ordered by time.
  package func take() -> [MappingRecord] {
    var records: [MappingRecord] = []
    for ring in rings {
      ring.ring.drain { bytes in
        switch MappingRecord.content(of: bytes) {
        case .mapping(let record): records.append(record)
        case .lost(let count): lostCount += count
        case nil: break
        }
      }
    }
    records.sort { $0.time < $1.time }
    return records
  }
}
