package import AllocationModel
import Executables
import LinuxSystem
import Processes

/// Tells where words outside of the heap are: variables by module and symbol, stacks and registers by thread.
///
/// Symbols are as the files have them, not demangled. Used by one thread.
package final class RootNaming {
  /// What several root words have in common: one variable, one thread's stack.
  package struct Place: Hashable, Sendable {
    package var kind: RootReference.Kind
    /// First address of it; of a register its number.
    package var start: UInt64
    /// Position in `ProcessImage.threads`.
    package var thread: Int?
  }

  private let image: ProcessImage
  package let modules: ModuleMap
  private let stacks: ThreadStacks
  private let keys: ThreadKeys?
  private let threadLocalByteCount: UInt64
  /// Of all threads: first address of what they have of their own, ascending, and the thread.
  private let threadLocals: [(range: Range<UInt64>, thread: Int)]

  package init(of image: ProcessImage, _ modules: ModuleMap) {
    self.image = image
    self.modules = modules
    stacks = ThreadStacks(of: image)
    keys = ThreadKeys(modules)
    let below = modules.threadLocalByteCount
    threadLocalByteCount = below
    threadLocals = image.threads.enumerated().compactMap { number, thread in
      let pointer = thread.registers.threadPointer
      guard let region = image.regionIndex(at: pointer) else { return nil }
      let mapping = image.regions[region].mapping
      return (
        max(
          mapping.start, pointer - min(pointer, below))..<min(
            mapping.end, pointer + ThreadStacks.controlBlockByteCount), number
      )
    }.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  package func kind(of root: HeapRoot) -> RootReference.Kind {
    switch root.location {
    case .register: .register
    case .memory(let address): place(at: address).kind
    }
  }

  package func place(of root: HeapRoot) -> Place {
    switch root.location {
    case .register(let thread, let number):
      Place(kind: .register, start: UInt64(number), thread: Int(thread))
    case .memory(let address): named(at: address).place
    }
  }

  package func reference(_ root: HeapRoot) -> RootReference {
    switch root.location {
    case .register(let thread, let number):
      RootReference(
        kind: .register, owner: ThreadRegisters.names[Int(number)], offset: nil,
        thread: self.thread(Int(thread)))
    case .memory(let address): reference(at: address)
    }
  }

  /// What a word of memory belongs to.
  package func reference(at address: UInt64) -> RootReference {
    let (place, owner) = named(at: address)
    // What a damaged file says of its symbols may be anything.
    let distance = address &- place.start
    return RootReference(
      kind: place.kind, owner: owner, offset: distance, thread: place.thread.map(thread))
  }

  private func thread(_ number: Int) -> RootReference.Thread {
    RootReference.Thread(tid: image.threads[number].tid, name: image.threads[number].name)
  }

  /// The kind, and the start of the module, the stack, the thread's own or the mapping.
  private func place(at address: UInt64) -> Place {
    if let own = Self.last(threadLocals, upTo: address, \.range.lowerBound),
      own.range.contains(address)
    {
      return Place(kind: .tls, start: own.range.lowerBound, thread: own.thread)
    }
    if let stack = Self.last(stacks.stacks, upTo: address, \.used.lowerBound),
      stack.used.contains(address)
    {
      return Place(kind: .stack, start: stack.used.lowerBound, thread: stack.thread)
    }
    if let module = modules.index(at: address) {
      return Place(kind: .global, start: modules.modules[module].range.lowerBound, thread: nil)
    }
    let region = image.regionIndex(at: address)
    return Place(
      kind: .mapping, start: region.map { image.regions[$0].mapping.start } ?? address, thread: nil)
  }

  /// The same with the variable, where one is known.
  private func named(at address: UInt64) -> (place: Place, owner: String) {
    var place = place(at: address)
    switch place.kind {
    case .global:
      guard let index = modules.index(at: address) else { return (place, "?") }
      let module = modules.modules[index]
      guard let symbol = modules.variables(of: index)?.globals.symbol(at: address &- module.bias)
      else { return (place, module.name) }
      place.start = symbol.start &+ module.bias
      return (place, "\(module.name)!\(symbol.name)")
    case .tls: return threadLocal(at: address, place)
    case .stack:
      place.start = image.threads[place.thread ?? 0].registers["rsp"] ?? place.start
      if place.start > address { place.start = address }
      return (place, "sp")
    case .register, .mapping:
      let path = image.regionIndex(at: address).flatMap { image.regions[$0].mapping.path }
      return (
        place,
        path?.split(separator: "/").last.map(String.init)
          ?? "[anon \(Figure.hexadecimal(place.start))]"
      )
    }
  }

  private func threadLocal(at address: UInt64, _ place: Place) -> (place: Place, owner: String) {
    var place = place
    let pointer = image.threads[place.thread ?? 0].registers.threadPointer
    if address >= pointer {
      if let keys, let key = keys.key(at: address, of: pointer, in: image) {
        place.start = address
        return (place, "pthread key \(key)")
      }
      place.start = pointer
      return (place, "thread control block")
    }
    // Of the libraries' variables it is not known where their blocks begin.
    if let executable = modules.modules.firstIndex(where: { $0.threadLocalBlock != nil }),
      modules.modules[executable].isExecutable,
      let block = modules.modules[executable].threadLocalBlock,
      pointer - address <= block.distance, pointer > block.distance
    {
      let start = pointer - block.distance
      let variables = modules.variables(of: executable)
      let name = modules.modules[executable].name
      guard let symbol = variables?.threadLocal(at: address - start) else {
        place.start = start
        return (place, "\(name) thread-local")
      }
      place.start = start + symbol.start
      return (place, "\(name)!\(symbol.name)")
    }
    place.start = address
    return (place, "fs-\(Figure.hexadecimal(pointer - address))")
  }

  /// The last element that begins at an address or below.
  private static func last<Element>(
    _ elements: [Element], upTo address: UInt64, _ start: (Element) -> UInt64
  ) -> Element? {
    let low = elements.endOfPrefix { start($0) <= address }
    return low > 0 ? elements[low - 1] : nil
  }
}
