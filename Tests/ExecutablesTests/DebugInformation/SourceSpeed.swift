import Executables
import Foundation
import TestSupport
import Testing

private let subject = ProcessInfo.processInfo.environment["HEAPTAP_SPEED_OF"]

/// Prints how fast lines are found in the file that HEAPTAP_SPEED_OF names.
@Suite(
  "Speed of lines",
  .enabled(if: subject != nil && HeaptapCommand.isBuilt, "HEAPTAP_SPEED_OF names no file"))
struct SourceSpeed {
  @Test("random addresses of the code")
  func lines() throws {
    let path = try #require(subject)
    let fixture = try SourceFixture()
    let clock = ContinuousClock()
    var module: Module?
    let opening = try clock.measure { module = try fixture.module(path) }
    let file = try #require(module)
    let segments = file.segments.segments.filter(\.isExecutable)
    var generator = SeededGenerator(seed: 1)
    let places = (0..<20_000).compactMap { _ -> SourceResolver.Place? in
      guard let segment = segments.randomElement(using: &generator) else { return nil }
      let address =
        segment.address + UInt64.random(in: 0..<segment.fileByteCount, using: &generator)
      return SourceResolver.Place(
        module: file, address: address, symbol: file.symbols.symbol(at: address)?.name)
    }
    func resolve(_ places: some Sequence<SourceResolver.Place>) -> Duration {
      clock.measure {
        for place in places { _ = fixture.resolver.calls(at: place) }
        fixture.resolver.settle(within: 600)
      }
    }
    let first = resolve(places.prefix(1))
    let fresh = resolve(places)
    let cached = resolve(places)
    let symbols = clock.measure {
      for place in places { _ = file.symbols.symbol(at: place.address) }
    }
    let known = places.count { fixture.resolver.calls(at: $0)?.last?.line != nil }
    let pid = try #require(fixture.resolver.readerPid)
    let memory = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      .split(separator: "\n").filter { $0.hasPrefix("VmHWM") || $0.hasPrefix("RssAnon") }
    print(
      """
      \(path): symbols read in \(opening), first line after \(first), \
      \(places.count) places in \(fresh), \(known) with a line; cached \(cached); \
      symbol table alone \(symbols); reader \(memory)
      """)
  }
}
