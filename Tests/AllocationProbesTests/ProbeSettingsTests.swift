import ProbeABI
import Testing

@testable import AllocationProbes

@Suite struct ProbeSettingsTests {
  @Test(arguments: [(0, 1), (1, 1), (4, 1), (5, 2), (42, 11), (4_200_000, 1_000_001)])
  func `the block table has room for its blocks at 52.5 percent`(blocks: Int, buckets: UInt32) {
    #expect(ProbeSettings(maximumBlocks: blocks).blockBucketCount == buckets)
  }

  @Test(arguments: [64, 1000, 250_000, 4_000_000, 1_000_000_000])
  func `no block table is fuller than it may be`(blocks: Int) {
    let slots = Int(ProbeSettings(maximumBlocks: blocks).blockBucketCount) * BLOCK_BUCKET_SLOTS
    #expect(Double(blocks) / Double(slots) <= 0.525)
    #expect(Double(blocks) / Double(slots + 2 * BLOCK_BUCKET_SLOTS) < 0.525)
  }

  @Test(arguments: [(0, 8), (1, 8), (40, 8), (41, 9), (45, 9), (46, 10), (32_768, 6554)])
  func `the stack table has room for its stacks at 62.5 percent`(stacks: Int, buckets: UInt32) {
    #expect(ProbeSettings(maximumStacks: stacks).stackBucketCount == buckets)
  }

  @Test func `numbers beyond what a map can have are clamped`() {
    #expect(ProbeSettings(maximumBlocks: .max).blockBucketCount == .max)
    #expect(ProbeSettings(maximumBlocks: .min).blockBucketCount == 1)
    #expect(ProbeSettings(maximumStacks: .min).stackBucketCount == 8)
  }

  @Test func `the default takes a small share of the machine's memory`() {
    #expect(250_000...4_000_000 ~= ProbeSettings.defaultMaximumBlocks)
    #expect(ProbeSettings().maximumBlocks == ProbeSettings.defaultMaximumBlocks)
  }
}
