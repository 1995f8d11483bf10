import AllocationModel
import LinuxSystem
import Processes

/// Splits the resident memory outside of the heap by what is mapped there.
struct ResidentMappings {
  private let image: ProcessImage
  private let heap: AddressRuns
  private let stackPointers: [UInt64]

  /// - Parameter heap: what belongs to the allocator, wherever it is.
  init(of image: ProcessImage, without heap: AddressRuns) {
    self.image = image
    self.heap = heap
    stackPointers = image.threads.compactMap { $0.registers["rsp"] }.sorted()
  }

  /// Adds all mappings to the parts that they belong to.
  func add(to residence: inout Residence) {
    var previous: MemoryMapping?
    for region in image.regions {
      let resident = AddressRuns(ascending: region.resident).subtracting(heap)
      residence[part(of: region.mapping, behind: previous)] += resident.byteCount
      previous = region.mapping
    }
  }

  private func part(of mapping: MemoryMapping, behind previous: MemoryMapping?) -> Residence.Part {
    if mapping.path == "[stack]" || isStack(mapping) { return .stacks }
    if mapping.path?.hasPrefix("[v") == true { return .other }
    if mapping.permissions.contains(.execute) { return .code }
    let isVariable =
      mapping.permissions.contains(.write) && !mapping.permissions.contains(.shared)
    if mapping.isFile { return isVariable ? .data : .files }
    // Zeroed variables go on behind those of the file.
    if mapping.path == nil, isVariable, let previous, previous.end == mapping.start,
      previous.isFile, previous.permissions.contains(.write)
    {
      return .data
    }
    return .other
  }

  private func isStack(_ mapping: MemoryMapping) -> Bool {
    guard !mapping.isFile, !mapping.isHeap else { return false }
    let low = stackPointers.endOfPrefix { $0 < mapping.start }
    return low < stackPointers.count && stackPointers[low] < mapping.end
  }
}
