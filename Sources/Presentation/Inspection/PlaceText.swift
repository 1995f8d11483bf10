package import AllocationModel

/// What is at an address, as text for people.
package enum PlaceText {
  package static func render(_ place: AddressPlace) -> String {
    var text = "\(Figure.hexadecimal(place.address))  \(what(place))\n"
    if let mapping = place.mapping {
      text +=
        "mapped \(Figure.hexadecimal(mapping.start))-\(Figure.hexadecimal(mapping.end)) "
        + "\(mapping.permissions)  \(mapping.path?.printable ?? "anonymous")\n"
    }
    guard place.kind == .live else { return text }
    guard let path = place.path else { return text + "nothing holds it\n" }
    return text + ReferenceText.render(path)
  }

  private static func what(_ place: AddressPlace) -> String {
    switch place.kind {
    case .live: "in a live block\(extent(place))"
    case .cached: "in a free block that is cached\(extent(place))"
    case .free: "in a free block\(extent(place))"
    case .top: "behind the last block of an arena\(extent(place))"
    case .allocator: "in a structure of the allocator"
    case .code: "code of \(place.owner?.name.printable ?? "?")"
    case .global, .tls, .stack, .mapping: place.owner.map(ReferenceText.name) ?? "in a mapping"
    case .unmapped: "nothing is mapped here"
    }
  }

  private static func extent(_ place: AddressPlace) -> String {
    guard let extent = place.extent else { return "" }
    let distance = place.address - extent.lowerBound
    let size = Figure.bytes(extent.upperBound - extent.lowerBound)
    let type = place.type.map { " \($0.printable)" } ?? ""
    return
      ": \(Figure.hexadecimal(extent.lowerBound))+\(Figure.hexadecimal(distance)), \(size)\(type)"
  }
}
