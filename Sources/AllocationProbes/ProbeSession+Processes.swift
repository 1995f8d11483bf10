package import BPFRuntime
import Glibc
import ProbeABI
import Synchronization

// MARK: - Which processes are observed

extension ProbeSession {
  /// Gives a process its number. It is no target yet: see `beginCounting`.
  package func addProcess(pid: Int32) throws(BPFError) -> ProcessSlot {
    guard let slot = unusedSlot() else {
      throw BPFError(attempt: "observe one more process", code: ENOSPC)
    }
    var record = process_record()
    record.tgid = UInt32(bitPattern: pid)
    processRecords.mutableBytes(at: Int(slot)).storeBytes(of: record, as: process_record.self)
    return ProcessSlot(rawValue: slot)
  }

  /// One that was given back, else the next one; nil if all are in use. The kernel programs take theirs the same way.
  private func unusedSlot() -> UInt32? {
    if let slot = freeProcesses.pop() { return slot }
    let offset = MemoryLayout<probe_control>.offset(of: \.last_process_id) ?? 0
    let last = (control.mutableBytes(at: 0) + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    guard Int(last.pointee.load(ordering: .relaxed)) + 1 < processRecords.count else { return nil }
    let slot = last.pointee.wrappingAdd(1, ordering: .relaxed).newValue
    return Int(slot) < processRecords.count ? slot : nil
  }

  /// Makes a process a target: what it does counts from now on, once a file it maps is attached to.
  ///
  /// Its code should be published by then, or its first stacks are cut short. False: the kernel programs have made it
  /// one under another number by now, and this one is given back.
  package func beginCounting(_ process: ProcessSlot, pid: Int32) throws(BPFError) -> Bool {
    let key = UInt32(bitPattern: pid)
    if settings.scope == .named {
      // A command that heaptap has started is its child, and so was no target.
      try targets.update(key: key, value: process.rawValue)
    } else if try !targets.insert(key: key, value: process.rawValue) {
      code.forget(process.rawValue)
      freeProcesses.push(process.rawValue)
      return false
    }
    noteTargetsChanged()
    return true
  }

  /// A process that is never to be observed, nor what it starts.
  func exclude(pid: Int32) throws(BPFError) {
    try targets.update(key: UInt32(bitPattern: pid), value: 0 as UInt32)
    noteTargetsChanged()
  }

  /// The number of the target with this pid; nil if it is none.
  package func slot(ofPid pid: Int32) -> ProcessSlot? {
    let number = targets.value(of: UInt32(bitPattern: pid)) ?? 0
    return number == 0 ? nil : ProcessSlot(rawValue: number)
  }

  /// The process is no target any more, if it still has this number.
  package func endCounting(_ process: ProcessSlot, pid: Int32) {
    let key = UInt32(bitPattern: pid)
    guard targets.value(of: key) == process.rawValue else { return }
    targets.remove(key: key)
    noteTargetsChanged()
  }

  /// Threads look up anew whether their process is a target.
  private func noteTargetsChanged() { raiseEpoch(by: 1) }

  private func raiseEpoch(by step: UInt64) {
    let offset = MemoryLayout<probe_control>.offset(of: \.targets_epoch) ?? 0
    let epoch = (control.mutableBytes(at: 0) + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    epoch.pointee.wrappingAdd(step, ordering: .sequentiallyConsistent)
  }

  /// Forgets all blocks and counters of stacks, as before anything was counted; stacks keep their numbers. No allocator
  /// may be probed meanwhile.
  package func forgetCounts() {
    blocks.removeAllBlocks()
    forEachStack { stack, process in
      let place = siteRecords.mutableBytes(at: Int(stack.rawValue))
      var record = site_record()
      record.process = process
      record.flags = place.load(as: site_record.self).flags
      place.storeBytes(of: record, as: site_record.self)
    }
    let offset = MemoryLayout<process_record>.offset(of: \.live_blocks) ?? 0
    for number in 0..<processRecords.count {
      processRecords.mutableBytes(at: number).storeBytes(
        of: 0, toByteOffset: offset, as: Int64.self)
    }
    lifetimesBySite = []
    raiseEpoch(by: 1 << 32)
  }

  /// Calls of allocators by a process that were counted, up to some of each of its threads; wraps.
  package func callCount(of process: ProcessSlot) -> UInt32 {
    let offset = MemoryLayout<process_record>.offset(of: \.calls) ?? 0
    return processRecords.bytes(at: Int(process.rawValue)).load(
      fromByteOffset: offset, as: UInt32.self)
  }

  /// Says whether a program is to be observed whenever it is started from now on.
  package func choose(_ program: ProbeEvent.Program, isObserved: Bool) {
    let choice = isObserved ? PROGRAM_OBSERVED : PROGRAM_IGNORED
    // Without room the kernel programs ask again.
    try? programs.update(key: program.key, value: choice.rawValue)
  }
}

// MARK: - Processes that have ended

extension ProbeSession {
  /// Gives back the room that processes took which have ended, or run another program now: blocks, stacks and numbers.
  ///
  /// Their threads are gone, so nobody else writes to their blocks and sites. What they counted should have been read.
  package func removeProcesses(_ ended: Set<ProcessSlot>) {
    // One whose children still run in its address space goes on counting.
    let numbers = Set(ended.union(postponed).map(\.rawValue)).filter {
      processRecords.load(Int($0), as: process_record.self).sharers == 0
    }
    postponed = ended.union(postponed).filter { !numbers.contains($0.rawValue) }
    guard !numbers.isEmpty else { return }
    blocks.removeBlocks(of: numbers)
    removeStacks(of: numbers)
    for number in numbers {
      code.forget(number)
      processRecords.mutableBytes(at: Int(number)).storeBytes(
        of: process_record(), as: process_record.self)
      freeProcesses.push(number)
    }
  }

  private func removeStacks(of processes: Set<UInt32>) {
    forEachStack { stack, process in
      guard processes.contains(process) else { return }
      let index = Int(stack.rawValue)
      siteRecords.mutableBytes(at: index).storeBytes(of: site_record(), as: site_record.self)
      let slots = STACK_BUCKET_SLOTS
      let hash = stackTable.mutableBytes(at: (index - 1) / slots) + 8 * ((index - 1) % slots)
      // The slot is free from now on, and its record has to be empty by then.
      hash.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(0, ordering: .releasing)
    }
  }
}
