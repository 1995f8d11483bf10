package import BPFRuntime
import Glibc

/// Which processes the kernel programs make targets by themselves.
package enum ProbeScope: Hashable, Sendable {
  /// None but those that are named, and their children if they are followed.
  case named
  /// Every process but this one and its children.
  case everything
  /// Those in a cgroup of the unified hierarchy and in those below it.
  ///
  /// `id` is the inode of its folder, `level` the number of folders below the root.
  case cgroup(id: UInt64, level: UInt32)
  /// Programs that were chosen; each is asked about once, when it is started first.
  case programs
}

/// How much is observed and how much kernel memory it may take. Fixed when observation begins.
package struct ProbeSettings: Sendable {
  /// Live blocks there is room for without a loss; 46 bytes of kernel memory each.
  package var maximumBlocks: Int
  /// Distinct stacks there is room for; about 800 bytes of kernel memory each.
  package var maximumStacks: Int
  /// Processes that can be observed at the same time, with those that have ended since the last poll.
  package var maximumProcesses: Int
  /// Live blocks that one process may have there, and stacks, so that the others find room too.
  package var maximumBlocksPerProcess: Int
  package var maximumStacksPerProcess: Int
  /// Who becomes a target without being named.
  package var scope: ProbeScope
  /// Smaller requests are not recorded, bytes.
  package var minimumSize: UInt64
  /// Only the allocation with this number, from 1 on, is recorded in each process; 0: all are.
  package var onlyAllocation: UInt64
  /// Forked children of targets become targets.
  package var followsChildren: Bool
  /// False: every unwind rule is searched anew, to measure what keeping them is good for.
  package var keepsUnwindRules = true
  /// Kinds of links that are not to be used, for tests of the others.
  package var forbiddenLinkKinds: Set<UprobeLinkKind>

  package init(
    scope: ProbeScope = .named, maximumBlocks: Int? = nil, maximumStacks: Int? = nil,
    maximumBlocksPerProcess: Int? = nil, maximumStacksPerProcess: Int? = nil,
    maximumProcesses: Int = 16_384, minimumSize: UInt64 = 0, onlyAllocation: UInt64 = 0,
    followsChildren: Bool = false,
    forbiddenLinkKinds: Set<UprobeLinkKind> = []
  ) {
    let blocks = maximumBlocks ?? Self.defaultMaximumBlocks
    let stacks = maximumStacks ?? (scope == .named ? 32_768 : 131_072)
    self.scope = scope
    self.maximumBlocks = blocks
    self.maximumStacks = stacks
    // What was named may take all there is.
    let isShared = scope != .named
    self.maximumBlocksPerProcess = maximumBlocksPerProcess ?? (isShared ? max(1, blocks / 4) : .max)
    self.maximumStacksPerProcess = maximumStacksPerProcess ?? (isShared ? max(1, stacks / 4) : .max)
    self.maximumProcesses = maximumProcesses
    self.minimumSize = minimumSize
    self.onlyAllocation = onlyAllocation
    self.followsChildren = followsChildren
    self.forbiddenLinkKinds = forbiddenLinkKinds
  }

  /// Whether probes are to fire in all processes, and the kernel programs to tell which are targets.
  package var isHostWide: Bool { followsChildren || scope != .named }

  /// Room for events that user space has not taken yet; a power of two.
  var eventRingByteCount: Int { scope == .named ? 8 << 20 : 32 << 20 }
  /// Executable files whose unwind tables there is room for; 8 bytes each, and the table.
  var maximumUnwindTables: Int { 8192 }
  /// Executable mappings of all processes that there is room for; 32 bytes each.
  var maximumCodeMappings: Int { min(max(maximumProcesses * 16, 4096), 262_144) }

  /// What fits into 1/256 of the machine's memory, between 250,000 and 4 million.
  package static var defaultMaximumBlocks: Int {
    let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    return min(max(memory / 256 / 46, 250_000), 4_000_000)
  }

  /// Buckets of the block table.
  ///
  /// Two choices of eight slots lose nothing while filling up to 70 % load; with blocks coming and going for
  /// long, simulated losses are 49,079 in 29 M at 70 %, 126 in 25 M at 60 % and 1 in 23 M at 55 %. So the
  /// table is sized for 52.5 %: 4.2 blocks a bucket.
  var blockBucketCount: UInt32 { UInt32(clamping: max(1, Int(Double(maximumBlocks) / 4.2) + 1)) }
  var stackBucketCount: UInt32 { UInt32(clamping: max(8, (maximumStacks + 4) / 5)) }
}
