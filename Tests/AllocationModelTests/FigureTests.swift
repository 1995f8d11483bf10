import AllocationModel
import TestSupport
import Testing

@Suite struct FigureTests {
  @Test(arguments: [
    (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10_100, "9.9 KiB"),
    (10_240, "10 KiB"), (42_000, "41 KiB"), (1_048_575, "1.0 MiB"), (1_048_064, "1.0 MiB"),
    (1_047_000, "1022 KiB"), (3 << 30, "3.0 GiB"), (UInt64.max, "16 EiB"),
  ])
  func `bytes are written in the largest unit of 1024`(byteCount: UInt64, text: String) {
    #expect(Figure.bytes(byteCount) == text)
  }

  @Test(arguments: [
    (0.0, "0 B/s"), (0.01, "0 B/s"), (-0.01, "0 B/s"), (0.4, "+0.4 B/s"), (41984, "+41 KiB/s"),
    (-41984, "-41 KiB/s"), (100, "+100 B/s"), (.nan, "?/s"),
  ])
  func `rates carry their sign`(rate: Double, text: String) {
    #expect(Figure.rate(rate) == text)
  }

  @Test(arguments: [
    (35_840.0, 49_152.0, "35 to 48 KiB"), (-900, 1229, "-900 B to 1.2 KiB"), (0, 0, "0 B"),
    (-4096, 7168, "-4.0 to 7.0 KiB"), (1, .infinity, "1 B to ?"),
  ])
  func `a range tells its unit once`(low: Double, high: Double, text: String) {
    #expect(Figure.range(low, high) == text)
  }

  @Test(
    arguments: [
      (0, "0"), (97, "97"), (100, "100"), (1449, "1,400"), (1450, "1,500"), (99_600, "100,000"),
      (6_509_580_000, "6,500,000,000"), (.max, "18,000,000,000,000,000,000"),
    ] as [(UInt64, String)])
  func `estimated numbers have two digits`(number: UInt64, text: String) {
    #expect(Figure.roughly(number) == text)
  }

  @Test(arguments: [
    (0.0, "0 %"), (0.0004, "<0.1 %"), (0.0188, "1.9 %"), (0.02, "2 %"), (0.374, "37 %"),
    (1, "100 %"),
    (.nan, "? %"),
  ])
  func `shares are per cent with one decimal where they are small`(share: Double, text: String) {
    #expect(Figure.share(share) == text)
  }

  @Test(arguments: [
    (GrowthRate(bytesPerSecond: 10, low: 4, high: 13), "±6 B/s"),
    (GrowthRate(bytesPerSecond: 10, low: 9, high: 2058), "±2.0 KiB/s"), (GrowthRate(), "±0 B/s"),
  ])
  func `a margin is the wider side of the interval`(growth: GrowthRate, text: String) {
    #expect(Figure.margin(of: growth) == text)
  }

  @Test(arguments: [
    (0.0, "0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (119.4, "119 s"), (120, "2 min"), (480, "8 min"),
    (7199, "120 min"), (7200, "2 h"), (108_000, "30 h"), (1_036_800, "12 d"), (-1, "?"),
  ])
  func `durations are written in the largest unit that leaves two of it`(
    seconds: Double,
    text: String
  ) {
    #expect(Figure.duration(seconds) == text)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (12_430, "12,430"), (1_234_567, "1,234,567"),
  ])
  func `integers are grouped by three digits`(number: UInt64, text: String) {
    #expect(Figure.count(number) == text)
  }

  @Test func `numbers of bytes never take more than four characters`() {
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<2000 {
      let value =
        UInt64.random(in: 0...UInt64.max, using: &generator)
        >> UInt64.random(
          in: 0...63,
          using: &generator
        )
      let number = Figure.bytes(value).split(separator: " ")[0]
      #expect(number.count <= 4)
    }
  }
}
