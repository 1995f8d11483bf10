/// Which files of a process the dynamic loader keeps until the process ends: those that others were linked with.
struct LinkedFiles<File: Hashable> {
  /// Files that go by a name; a name that several have is none's, as only the loader knows which one it stands for.
  private var filesByName: [String: Set<File>] = [:]
  private var neededByFile: [File: [String]] = [:]

  init() {}

  /// Adds a file that is mapped; more than once is the same.
  ///
  /// - Parameters:
  ///   - path: of the file; its last part is a name that it is needed by.
  ///   - ownName: another one (`DT_SONAME`).
  ///   - needed: names of the files that it was linked with (`DT_NEEDED`).
  mutating func add(_ file: File, path: String?, ownName: String?, needed: [String]) {
    neededByFile[file] = needed
    for name in [path?.lastPart, ownName].compactMap({ $0 }) {
      filesByName[name, default: []].insert(file)
    }
  }

  /// The file that is goes by the last part of a path; nil where none does, or several do.
  func file(named path: String) -> File? {
    guard let name = path.lastPart, let files = filesByName[name], files.count == 1
    else { return nil }
    return files.first
  }

  /// These files and all that they were linked with, directly or not.
  func closure(of roots: some Sequence<File>) -> Set<File> {
    var closure: Set<File> = []
    var waiting = Array(roots)
    while let file = waiting.popLast() {
      guard closure.insert(file).inserted else { continue }
      waiting += (neededByFile[file] ?? []).compactMap { self.file(named: $0) }
    }
    return closure
  }
}

extension String {
  /// nil for a path that has no part.
  fileprivate var lastPart: String? { split(separator: "/").last.map(String.init) }
}
