import ProbeABI
import ProbeLogic
import TestSupport
import Testing

/// `bpf/lib/hashing.h`, compiled for user space.
@Suite struct HashingTests {
  @Test func `a value's histogram bucket is its logarithm`() {
    #expect(logic_log2_bucket(0, 64) == 0)
    #expect(logic_log2_bucket(1, 64) == 0)
    for bit in 1..<64 {
      let power = UInt64(1) << bit
      #expect(logic_log2_bucket(power - 1, 64) == UInt32(bit - 1))
      #expect(logic_log2_bucket(power, 64) == UInt32(bit))
      #expect(logic_log2_bucket(power + 1, 64) == UInt32(bit))
    }
    #expect(logic_log2_bucket(.max, 64) == 63)
  }

  @Test(arguments: [UInt32(AGE_BUCKETS), UInt32(SIZE_BUCKETS), 1])
  func `the last histogram bucket takes all larger values`(buckets: UInt32) {
    let first = UInt64(1) << (buckets - 1)
    #expect(logic_log2_bucket(first, buckets) == buckets - 1)
    #expect(logic_log2_bucket(2 * first, buckets) == buckets - 1)
    #expect(logic_log2_bucket(.max, buckets) == buckets - 1)
    if buckets > 1 { #expect(logic_log2_bucket(first - 1, buckets) == buckets - 2) }
  }

  @Test(arguments: [UInt32(1), 2, 3, 7, 8191, 1 << 20, 1_000_001, .max])
  func `a bucket's index is below the number of buckets`(count: UInt32) {
    #expect(logic_bucket_index(0, count) == 0)
    #expect(logic_bucket_index(.max, count) == count - 1)
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<1000 {
      let index = logic_bucket_index(UInt32.random(in: 0 ... .max, using: &generator), count)
      #expect(index < count)
    }
  }

  @Test(arguments: [UInt32(1), 5, 64])
  func `every bucket is in use, none much more than others`(count: UInt32) {
    var hits = [Int](repeating: 0, count: Int(count))
    for value in 0..<UInt64(count) * 1000 {
      let hash = logic_mix(0, logic_block_key(1, 0x7f00_0000_0010 + 16 * value))
      hits[Int(logic_bucket_index(UInt32(truncatingIfNeeded: hash), count))] += 1
    }
    #expect(hits.allSatisfy { 500...1500 ~= $0 }, "\(hits)")
  }

  @Test func `a key holds its process and its address`() {
    #expect(logic_block_key(1, 0) == 1 << 44)
    #expect(logic_block_key(0xf_ffff, 0x7fff_ffff_fff8) == .max)
    #expect(logic_block_key(0, 8) == 1)
    #expect(logic_block_key(3, 0x1000) >> BLOCK_KEY_ADDRESS_BITS == 3)
  }

  @Test func `no key of a process is that of an empty slot`() {
    for address: UInt64 in [0, 7, 8, 0x7fff_ffff_ffff] {
      #expect(logic_block_key(1, address) != 0)
    }
  }

  @Test func `addresses of different blocks have different keys`() {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<1000 {
      let process = UInt32.random(in: 1..<1 << 20, using: &generator)
      let address = UInt64.random(in: 0..<1 << 47, using: &generator) & ~7
      let key = logic_block_key(process, address)
      #expect(key >> BLOCK_KEY_ADDRESS_BITS == UInt64(process))
      #expect((key & (1 << BLOCK_KEY_ADDRESS_BITS - 1)) << BLOCK_ADDRESS_SHIFT == address)
    }
  }

  @Test func `addresses of user space fit, higher ones do not`() {
    #expect(logic_block_address_fits(0) != 0)
    #expect(logic_block_address_fits(1 << 47 - 1) != 0)
    #expect(logic_block_address_fits(1 << 47) == 0)
    #expect(logic_block_address_fits(.max) == 0)
  }
}
