extension ELFFile {
  /// The names of all sections, each cut after 32 bytes; none where there are no section headers.
  package borrowing func sectionNames() -> Set<String> {
    Set(handle.namedSections().map(\.name))
  }
}
