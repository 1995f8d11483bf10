import BPFRuntime
import ProbeABI
import Testing

@testable import AllocationProbes

/// The compiled programs inside this executable, opened and not loaded: that takes no privilege.
@Suite struct EmbeddedObjectTests {
  enum Embedded: CaseIterable {
    case allocations, lifecycle, calibration

    var programs: Set<String> {
      switch self {
      case .allocations: ["allocation_call", "allocation_entry", "allocation_return"]
      case .lifecycle: ["process_exec", "process_fork", "process_exit", "read_ticks"]
      case .calibration: ["empty_session", "empty"]
      }
    }

    var maps: [String] {
      switch self {
      case .allocations:
        [MAP_BLOCKS, MAP_STACKS, MAP_SITES, MAP_PROCESSES, MAP_TARGETS, MAP_CONTROL, MAP_EVENTS]
      case .lifecycle: [MAP_PROCESSES, MAP_CONTROL, MAP_TARGETS, MAP_EVENTS]
      case .calibration: []
      }
    }

    func open() throws -> BPFObject {
      let embedded =
        switch self {
        case .allocations: embedded_allocations()
        case .lifecycle: embedded_lifecycle()
        case .calibration: embedded_calibration()
        }
      return try BPFObject(
        name: "\(self)",
        bytes: UnsafeRawBufferPointer(start: embedded.start, count: embedded.size))
    }
  }

  @Test(arguments: Embedded.allCases)
  func `an object holds exactly the programs that are used`(embedded: Embedded) throws {
    let object = try embedded.open()
    let names = object.programs.map(\.name)
    #expect(names.count == embedded.programs.count)
    #expect(Set(names) == embedded.programs)
    #expect(object.programs.allSatisfy { $0.instructions > 0 })
  }

  @Test(arguments: Embedded.allCases)
  func `an object has the maps that are read from it`(embedded: Embedded) throws {
    let object = try embedded.open()
    for map in embedded.maps { #expect(throws: Never.self) { try object.map(map) } }
  }

  @Test func `map names fit into what the kernel keeps of them`() {
    for map in Embedded.allocations.maps { #expect(map.utf8.count <= 15, "\(map)") }
  }

  @Test func `values of the maps are what user space reads`() throws {
    let object = try Embedded.allocations.open()
    #expect(try object.map(MAP_BLOCKS).valueSize == MemoryLayout<block_bucket>.stride)
    #expect(try object.map(MAP_STACKS).valueSize == MemoryLayout<stack_bucket>.stride)
    #expect(try object.map(MAP_SITES).valueSize == MemoryLayout<site_record>.stride)
    #expect(try object.map(MAP_PROCESSES).valueSize == MemoryLayout<process_record>.stride)
    #expect(try object.map(MAP_CONTROL).valueSize == MemoryLayout<probe_control>.stride)
  }

  @Test(arguments: [Embedded.allocations, .lifecycle])
  func `settings become sizes of the maps`(embedded: Embedded) throws {
    let object = try embedded.open()
    let settings = ProbeSettings(maximumBlocks: 42, maximumStacks: 80, maximumProcesses: 12)
    try ProbeSession.configure(object, settings)
    #expect(try object.map(MAP_PROCESSES).capacity == 13)
    #expect(try object.map(MAP_TARGETS).capacity == 12 + 1024)
    guard embedded == .allocations else { return }
    #expect(try object.map(MAP_BLOCKS).capacity == 11)
    #expect(try object.map(MAP_STACKS).capacity == 16)
    #expect(try object.map(MAP_SITES).capacity == 129)
  }

  @Test func `bytes that are no object are an error`() {
    let bytes = [UInt8](repeating: 1, count: 100)
    #expect(throws: BPFError.self) {
      try bytes.withUnsafeBytes { _ = try BPFObject(name: "nothing", bytes: $0) }
    }
  }
}
