import AllocationModel
import Inspection
import TestSupport
import Testing

/// A program that says what is at some of its addresses, against what is found there.
@Suite(.enabled(if: Program.canStop, "this machine does not let a process stop its children"))
struct PlantedPlaceTests {
  @Test func `what is at an address is what the program has there`() async throws {
    let program = try await Program.start("planted_places")
    let survey = try Program.survey(of: program.pid)
    var kinds: Set<AddressPlace.Kind> = []
    for line in program.output.split(separator: "\n").dropLast() {
      let words = line.split(separator: " ").map(String.init)
      let address = try #require(UInt64(words[1].dropFirst(2), radix: 16))
      let place = survey.place(at: address)
      #expect(place.kind.rawValue == words[0], "\(line): \(place)")
      kinds.insert(place.kind)
      switch place.kind {
      case .live, .cached, .free:
        let extent = try #require(place.extent)
        #expect(extent.contains(address), "\(line)")
        if words[2] != "-" {
          #expect(extent.upperBound - extent.lowerBound == UInt64(words[2]), "\(line)")
        }
      case .global, .tls, .code: #expect(place.owner?.name == words[2], "\(line)")
      case .stack:
        #expect(place.owner?.thread?.name == words[2].replacing("other_", with: "other "))
      case .top, .allocator, .mapping: #expect(place.mapping != nil)
      case .unmapped: #expect(place.mapping == nil)
      }
      if place.kind == .live {
        #expect(place.path?.root.name == "planted_places!held", "\(line)")
      } else {
        #expect(place.path == nil)
      }
    }
    #expect(kinds == Set(AddressPlace.Kind.allCases))
  }
}
